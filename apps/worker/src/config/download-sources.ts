// The settings of the sources from which builds download packages, toolchains and buildpacks.

import { z } from "zod";
import { listSetting, settingDocs } from "@slipway/service";
import { type Mirror, parseMirror } from "../buildpacks/mirrors.ts";

const mirrorsSetting = listSetting().transform((items, context) =>
  items.flatMap((item): readonly Mirror[] => {
    const mirror = parseMirror(item);
    if (mirror !== null) return [mirror];
    context.addIssue(`${item} is not a pair of URLs: https://github.com/=https://git.example.com/github/`);
    return [];
  }),
);

export const downloadSettings = z.object({
  BUILD_CA_BUNDLE: z.string().min(1).optional().register(settingDocs, {
    topic: "builds",
    description: "File of certificate authorities, in PEM, that builds trust in addition.",
    npmStart: "`NODE_EXTRA_CA_CERTS`",
  }),
  BUILD_NPM_REGISTRY: z.url().optional().register(settingDocs, {
    topic: "builds",
    description: "npm registry of builds, which is also the source of Node.js for apps.",
    npmStart: "the registry that npm is configured for",
  }),
  BUILD_PYTHON_INDEX: z.url().default("https://pypi.org/simple/").register(settingDocs, {
    topic: "builds",
    description: "Python package index of builds, which is also the source of uv. Apps may name another one.",
  }),
  BUILD_GO_PROXY: z.url().default("https://proxy.golang.org").register(settingDocs, {
    topic: "builds",
    description:
      "Module proxy of Go for builds, which is also the source of Go's toolchains. Apps may name others for their modules with `GOPROXY`.",
  }),
  BUILD_GO_SUMDB: z.string().default("sum.golang.org").register(settingDocs, {
    topic: "builds",
    description:
      "Checksum database of Go, as `GOSUMDB`: its name, or its key (`name+id+key`) and, after a space, its URL; `off` for none.",
  }),
  PYTHON_MIRROR: z.url().optional().register(settingDocs, {
    topic: "builds",
    description:
      "Folder with a release of python-build-standalone (its `SHA256SUMS` and archives): versions of Python for apps besides the stack's.",
    unset: "the stack's Python only",
  }),
  BUILDPACKS: z.string().min(1).optional().register(settingDocs, {
    topic: "builds",
    description:
      "Path of a file that names buildpacks by URL, which apps choose by name or by the files of their source ([Buildpacks](buildpacks.md#an-operators-catalogue)). A worker reads it at its start.",
    unset: "none",
  }),
  BUILDPACK_MIRRORS: mirrorsSetting.register(settingDocs, {
    topic: "builds",
    description:
      "What replaces the beginning of buildpacks' URLs, for installations that do not reach them: `PREFIX=URL`, separated by blanks or commas, as in `https://github.com/=https://git.example.com/github/`. A mirror on a private address must also be in `ALLOWED_PRIVATE_HOSTS`.",
  }),
});

/** The sources of downloads for builds; undefined for the public source. */
export function downloadConfig(parsed: z.output<typeof downloadSettings>) {
  return {
    caBundlePath: parsed.BUILD_CA_BUNDLE,
    npmRegistry: parsed.BUILD_NPM_REGISTRY,
    goProxy: parsed.BUILD_GO_PROXY,
    goChecksumDatabase: parsed.BUILD_GO_SUMDB,
    pythonIndex: parsed.BUILD_PYTHON_INDEX,
    pythonMirror: parsed.PYTHON_MIRROR,
    cataloguePath: parsed.BUILDPACKS,
    buildpackMirrors: parsed.BUILDPACK_MIRRORS,
  };
}
