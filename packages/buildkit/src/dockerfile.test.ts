import { expect, test } from "vitest";
import { fetchesUrl, imageOfStep, readDockerfile } from "./dockerfile.ts";

test("the arguments that a Dockerfile declares are found in all stages, with and without defaults", () => {
  const { declaredArguments } = readDockerfile(
    "ARG BASE=scratch\nFROM ${BASE} AS one\nARG VERSION\nARG FIRST=1 SECOND\nRUN echo \\\n ARG no\n# ARG neither\n",
  );
  expect([...declaredArguments]).toEqual(["BASE", "VERSION", "FIRST", "SECOND"]);
  expect([...readDockerfile("ARG BUILDKIT_SYNTAX\nFROM x\n").declaredArguments]).toEqual([]);
});

test.each([
  ["FROM x\nADD http://169.254.169.254/latest /x", /ADD http:/],
  ["FROM x\nadd --chown=1:1 \\\n  HTTPS://10.0.0.1/x a.txt /x", /ADD/],
  ['FROM x\nADD ["a.txt", "git@host:repo.git", "/x"]', /ADD/],
  ["FROM x\nADD ${A}ttp://10.0.0.1/ /x", /ADD/],
  ['FROM x\nADD h"tt"p:/\\/10.0.0.1/ /x', /ADD/],
  ['FROM x\nADD --chown=0:0 ["\\u0068ttp://10.0.0.1/", "/x"]', /ADD http/],
  ["FROM x\nONBUILD ADD http://10.0.0.1/ /x", /ADD http/],
  ["# syntax=evil.example/frontend\nFROM x", /syntax/],
  ["#!/usr/bin/env docker\n#syntax = evil.example/frontend\nFROM x", /syntax/],
  ["# escape=`\n#\u0085syntax=evil.example/frontend\nFROM x", /syntax/],
  ["\uFEFF# syntax=evil.example/frontend\nFROM x", /syntax/],
  ["//syntax=evil.example/frontend\nFROM x", /syntax/],
  ['{"syntax": "evil.example/frontend"}', /JSON/],
  ["FROM x\nRUN cat <<a</dev/null\nADD http://10.0.0.1/ /x", /here-document/],
])("a Dockerfile whose parts the engine would fetch or run itself is refused: %j", (text, reason) => {
  expect(readDockerfile(text).refusals).toEqual([expect.stringMatching(reason)]);
});

test.each([
  "# syntax=docker/dockerfile:1.7\nFROM x\nCOPY a /a",
  "FROM x\nADD a.tar.gz /\nRUN curl https://example.com | tar x",
  "FROM x\nRUN <<EOF\nADD http://x /y\nEOF\n",
  "FROM x\nRUN <<EOF\n# syntax=of another file\nEOF\n",
  "# syntax=docker/dockerfile:1\n",
])("a usual Dockerfile is not refused: %j", (text) => {
  expect(readDockerfile(text).refusals).toEqual([]);
});

test("what BuildKit fetches is recognized by the names of its steps", () => {
  expect(fetchesUrl("http://127.0.0.1:9/x")).toBe(true);
  expect(fetchesUrl("http://buildkit-session/abc")).toBe(false);
  expect(fetchesUrl("[2/2] RUN curl http://x")).toBe(false);
  expect(imageOfStep("[one 1/2] FROM 127.0.0.1:5000/apps/x@sha256:0")).toBe("127.0.0.1:5000/apps/x@sha256:0");
  expect(imageOfStep("[internal] load metadata for docker.io/library/x:1")).toBe("docker.io/library/x:1");
  expect(imageOfStep("[2/2] RUN echo FROM x")).toBeNull();
});

test("the images that a Dockerfile is based on or copies from are known before the build, with arguments, without stages", () => {
  const text = `
ARG BASE=a.example/base:1
ARG UNSET
FROM --platform=linux/amd64 \${BASE} AS Build
FROM "b.example/plain" as two
FROM $UNSET
FROM \${UNSET:-c.example/default}
FROM build
COPY --from=build /x /x
COPY --chown=1:1 --from=d.example/copied:1 /x /x
COPY --from=0 /x /x
RUN --mount=type=bind,from=e.example/mounted,target=/m ls
RUN echo --from=f.example/none
FROM scratch
`.replaceAll("\\$", "$");
  const { baseImages } = readDockerfile(text);
  const others = ["b.example/plain", "c.example/default", "d.example/copied:1", "e.example/mounted"];
  expect(baseImages({})).toEqual(["a.example/base:1", ...others]);
  expect(baseImages({ BASE: "10.0.0.1/x" })).toEqual(["10.0.0.1/x", ...others]);
});
