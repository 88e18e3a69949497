// A source with a Dockerfile is built by the engine's BuildKit, and its image runs as the Dockerfile defines.

import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { expect, inject, test } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { servePl } from "./apps.ts";
import { npmLock } from "./lock-files.ts";
import { call, createApp, deployed, logOf, output, page } from "./slipway.ts";
import type { DeploymentJson } from "./slipway.ts";

interface Bill {
  readonly metadata: { readonly properties: readonly { readonly value: string }[] };
  readonly components: readonly { readonly purl: string }[];
}

const token = "build-secret-41f7c9";
const dockerfile = (last: string) => `ARG BASE
FROM \${BASE} AS tools
USER 0
RUN --mount=type=secret,id=TOKEN sha256sum /run/secrets/TOKEN | cut -c1-8 >/token && echo tools are made

FROM \${BASE} AS words
USER 0
ARG GREETING
COPY words.txt /words
RUN echo "$GREETING $(cat /words)" | tee /greeting

FROM \${BASE}
USER 0
WORKDIR /srv
COPY --from=tools /token .
COPY --from=words /greeting .
COPY . .
${last}
USER 1234
EXPOSE 3000
HEALTHCHECK CMD echo the check runs >/proc/1/fd/1
ENTRYPOINT ["/bin/bash", "-c"]
CMD ["exec perl serve.pl \\"$(cat greeting) $(cat token) $(id -u) $(ls | xargs) $PORT\\""]
`;

const files = (words: string, last = "RUN true") => ({
  "app/Dockerfile": dockerfile(last),
  "app/.dockerignore": "*.md\nDockerfile\n.dockerignore\nignored\n",
  "app/words.txt": words,
  "app/readme.md": "left out",
  "app/ignored/file": "left out",
  "app/serve.pl": servePl,
  "app/package-lock.json": npmLock,
});

/** The image's configuration, and the content of all layers above the base, as text. */
async function contentOf({ app_id: appId, id }: DeploymentJson): Promise<string> {
  const { origin, username, password } = new URL(inject("stack").registryUrl);
  const authorization = `Basic ${Buffer.from(`${username}:${decodeURIComponent(password)}`).toString("base64")}`;
  const get = (path: string, accept = "*/*") =>
    fetch(`${origin}/v2/apps/${appId}/${path}`, { headers: { accept, authorization } });
  const manifest = (await (
    await get(`manifests/${id}`, "application/vnd.docker.distribution.manifest.v2+json")
  ).json()) as { config: { digest: string }; layers: { digest: string; size: number }[] };
  const blob = async (digest: string) => Buffer.from(await (await get(`blobs/${digest}`)).arrayBuffer());
  const own = manifest.layers.filter(({ size }) => size < 100_000);
  expect(own.length).toBeGreaterThanOrEqual(4);
  const layers = await Promise.all(
    own.map(async ({ digest }) => gunzipSync(await blob(digest)).toString("latin1")),
  );
  return [(await blob(manifest.config.digest)).toString(), ...layers].join("\n");
}

test("a Dockerfile with three stages and a secret is built, runs as it says, and reuses its steps", async () => {
  const app = await createApp("dockerfile");
  await call("PUT", `/v1/apps/${app.name}/variables`, {
    variables: Object.entries({ BASE: inject("stack").run, TOKEN: token, GREETING: "good day" }).map(
      ([name, value]) => ({ name, value }),
    ),
  });
  const first = await deployed(app.name, await packTarGz(files("Ada")));
  expect(first.deployment.status).toBe("success");
  expect(first.log).toContain("Building with dockerfile, because there is a Dockerfile");
  expect(first.log).toContain("\nthe check runs\n");
  expect(first.log).toMatch(/-----> \[tools 2\/2\] RUN .*\ntools are made\n/);
  const digest = createHash("sha256").update(token).digest("hex").slice(0, 8);
  const names = "Dockerfile greeting package-lock.json serve.pl token words.txt";
  expect(await page(app.name)).toBe(`good day Ada ${digest} 1234 ${names} 3000`);
  expect(await contentOf(first.deployment)).not.toContain(token);
  expect(first.log).not.toContain(token);
  const { metadata, components } = await call<Bill>(
    "GET",
    `/v1/apps/${app.name}/deployments/${first.deployment.id}/sbom`,
  );
  const lists = metadata.properties.map(({ value }) => value);
  expect(lists.toSorted()).toEqual(["false", "srv/package-lock.json", "var/lib/dpkg/status"]);
  const packages = components.map(({ purl }) => purl);
  expect(packages).toContain("pkg:npm/ms@2.0.0");
  expect(packages).toContainEqual(expect.stringMatching(/^pkg:deb\/debian\/perl-base@.*distro=debian-12$/));

  const second = await logOf(app.name, await packTarGz(files("Grace")), "success");
  expect(second).toMatch(/-----> \[tools 2\/2\] RUN .*\n.*CACHED/);
  expect(second).toMatch(/-----> \[words 3\/3\] RUN .*\ngood day Grace\n.*Done after/);
  expect(await page(app.name)).toMatch(/^good day Grace /);

  const failing = await packTarGz(files("Grace", "RUN echo so far; exit 7"));
  expect(await logOf(app.name, failing, "build-error")).toMatch(
    /so far\n.*Failed after.*\n.*[Tt]he step \[.*\] RUN echo so far; exit 7 failed with exit code 7/s,
  );
  expect(await page(app.name)).toMatch(/^good day Grace /);
  expect(await output(app.name, first.deployment.id)).toBe(first.log);
});

test("a Dockerfile may not read images of other apps, nor let the engine fetch a URL", async () => {
  const app = await createApp("dockerfile");
  await call("PATCH", `/v1/apps/${app.name}`, { app: { builder: "dockerfile" } });
  const { host } = new URL(`http://${inject("stack").run}`);
  const refused = async (text: string) =>
    logOf(app.name, await packTarGz({ "app/Dockerfile": text }), "build-error");
  expect(await refused(`FROM ${host}/apps/other:latest\n`)).toContain("is an image of this installation");
  const fetching = "FROM scratch\nADD http://169.254.169.254/latest/meta-data /x\n";
  expect(await refused(fetching)).toContain("the engine would fetch it itself");
  expect(await refused("FROM scratch\nCOPY Dockerfile /\n")).toContain("The image has no command");
});
