// Builds on a real engine, from the stack image.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { SlipwayError } from "@slipway/core";
import type { BuildReports, ImageBuild } from "@slipway/core";
import { connectDocker } from "@slipway/docker";
import { lacksEngine, packTar, refusal, startRegistry, testEngine } from "@slipway/testkit";
import { fetchesUrl, imageOfStep } from "./dockerfile.ts";
import { aBuild } from "../test-support/a-build.ts";
import { openImageBuilder } from "./image-builder.ts";

const onError = (error: unknown) => expect.unreachable(String(error));

interface Changes extends Partial<Omit<ImageBuild, "context">> {
  readonly files?: Readonly<Record<string, string>>;
  readonly reports?: Partial<BuildReports>;
  readonly whenBuilt?: () => Promise<void>;
}

/** Builds a Dockerfile whose first line is `FROM` the stack image, and removes the image. */
async function built(text: string, { files = {}, reports = {}, whenBuilt, ...changes }: Changes = {}) {
  const { dockerHost, stackImage } = await testEngine();
  using builder = openImageBuilder({ dockerHost, onError });
  const content = { Dockerfile: `FROM ${stackImage}\nUSER 0\n${text}\n`, ...files };
  const build = { ...aBuild(content, stackImage), ...changes };
  const output: Uint8Array[] = [];
  try {
    const image = await builder.build(build, {
      onOutput: (bytes) => void output.push(bytes),
      onProgress: () => undefined,
      checkStep: () => undefined,
      signal: new AbortController().signal,
      ...reports,
    });
    await whenBuilt?.();
    return { image, output: Buffer.concat(output).toString() };
  } finally {
    await builder.remove(build.reference, null, new AbortController().signal);
  }
}

describe.skipIf(await lacksEngine())("on a Docker Engine", () => {
  test("an image is built with its arguments and secrets, and described", async () => {
    const { image, output } = await built(
      'ARG A\nRUN --mount=type=secret,id=ONE cat /run/secrets/ONE; echo " $A"; test ! -e /run/secrets/ONE/x\n' +
        'COPY sub/file /file\nRUN cat /file\nEXPOSE 9000 80/tcp 53/udp\nENTRYPOINT ["/bin/echo", "a b"]\nCMD ["c"]\nUSER 1234\n' +
        'SHELL ["/bin/bash", "-ec"]\nHEALTHCHECK --timeout=2s CMD test -e /ready',
      { arguments: { A: "argument" }, secrets: { ONE: "secret one" }, files: { "sub/file": "content\n" } },
    );
    expect(output).toContain("secret one argument\n");
    expect(output).toContain("content\n");
    const { sizeBytes, ...rest } = image;
    expect(rest).toEqual({
      command: ["/bin/echo", "a b", "c"],
      exposedPorts: [80, 9000],
      user: "1234",
      healthcheck: { command: ["/bin/bash", "-ec", "test -e /ready"], timeoutMs: 2_000 },
    });
    expect(sizeBytes).toBeGreaterThan(1024 ** 2);
  });

  test.each([
    ["LABEL traefik.http.routers.x.rule=all", /label traefik\.http\.routers\.x\.rule/],
    ["LABEL io.slipway.kind=guard", /label io\.slipway\.kind/],
    ["VOLUME /data", /volume \/data, which is not limited/],
  ])("an image with %s is refused, since its containers would have it", async (line, reason) => {
    expect(await refusal(built(line))).toMatch(reason);
  });

  test("a required secret that the app lacks fails the step that mounts it", async () => {
    const step = "RUN --mount=type=secret,id=NONE,required=true true";
    expect(await refusal(built(step))).toMatch(/^build-failed: the step \[.*RUN --mount.*NONE/);
  });

  test("results of commands and cache mounts are reused within a scope only", async () => {
    const write =
      "RUN --mount=type=cache,target=/kept ls /kept; touch /kept/$(cat /proc/sys/kernel/random/uuid)";
    const [cacheScope, other] = [randomUUID().replaceAll("-", ""), randomUUID().replaceAll("-", "")];
    expect((await built(write, { cacheScope })).output).toMatch(/RUN --mount.*\n\s+Done after/);
    expect((await built(write, { cacheScope })).output).toMatch(/RUN --mount.*\n\s+CACHED/);
    const apart = await built(write, { cacheScope: other });
    expect(apart.output).toMatch(/RUN --mount.*\n\s+Done after/);
    const again = await built(`ENV CHANGED=1\n${write}`, { cacheScope });
    expect(again.output).toMatch(/RUN --mount.*\n[0-9a-f-]{36}\n\s+Done after/);
  });

  test("an abort ends the build with the signal's reason", async () => {
    const controller = new AbortController();
    const reason = new SlipwayError("aborted", "enough");
    const onOutput = () => controller.abort(reason);
    const build = built("RUN echo begun; sleep 600", { reports: { onOutput, signal: controller.signal } });
    await expect(build).rejects.toBe(reason);
  });

  test("a step that the caller refuses ends the build, also one that BuildKit fetches by itself", async () => {
    const checkStep = (name: string) => {
      if (fetchesUrl(name)) throw new SlipwayError("build-failed", `refused ${name}`);
    };
    const address = "http://127.0.0.1:9/";
    // BuildKit reports the step and its fetch in either order.
    const refused = await refusal(built(`ADD ${address} /x`, { reports: { checkStep } }));
    expect(refused).toMatch(/^build-failed: refused (\[2\/2\] ADD )?http:\/\/127\.0\.0\.1:9\//);
  });

  test("the images that a build reads are found in the names of its steps, however the Dockerfile names them", async () => {
    const { stackImage } = await testEngine();
    const images: (string | null)[] = [];
    const checkStep = (name: string) => void images.push(imageOfStep(name));
    const text = "COPY --from=copied.invalid/one:1 /x /x";
    const mounted = `RUN --mount=from=mounted.invalid/two:2,target=/m true`;
    await refusal(built(text, { reports: { checkStep } }));
    await refusal(built(mounted, { reports: { checkStep } }));
    const expected = ["copied.invalid/one:1", "mounted.invalid/two:2", `docker.io/library/${stackImage}`];
    expect(images).toEqual(expect.arrayContaining(expected));
  });

  test("a pushed image is left on the engine by its digest only, as a pulled one is, until it is removed", async () => {
    const { dockerHost } = await testEngine();
    await using registry = await startRegistry();
    using builder = openImageBuilder({ dockerHost, onError });
    using direct = connectDocker({ dockerHost });
    const { signal } = new AbortController();
    const repository = `${registry.host}/apps/one`;
    const reference = `${repository}:1`;
    const digests = () => direct.images.digests(repository, signal);
    const tags = async () => {
      const images = await direct.docker.listImages({ filters: { reference: [repository] } });
      return images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => tag.startsWith(repository));
    };
    await built("", {
      reference,
      files: { Dockerfile: "FROM scratch\nCOPY Dockerfile /\n" },
      whenBuilt: async () => {
        const digest = await builder.push(reference, signal);
        expect(await digests()).toEqual([digest]);
        expect(await tags()).toEqual([]);
        await builder.remove(reference, digest, signal);
        expect(await digests()).toEqual([]);
      },
    });
  });

  test("a context that fails ends the build with its error", async () => {
    const failure = new SlipwayError("archive-invalid", "broken");
    async function* context(): AsyncGenerator<Uint8Array> {
      yield await packTar({ Dockerfile: "FROM scratch\n" });
      throw failure;
    }
    await expect(built("", { context: context() } as Changes)).rejects.toBe(failure);
  });

  test("a Dockerfile that BuildKit cannot read is the author's error", async () => {
    expect(await refusal(built("RUNNING true"))).toMatch(
      /^build-failed: the Dockerfile cannot be built: .*unknown instruction: RUNNING/,
    );
  });
});
