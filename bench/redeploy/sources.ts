// The apps of the benchmark: their files with the text that they answer, and how people write their Dockerfiles.

import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { packTar, packTarGz } from "@slipway/testkit";
import { inlineApp } from "../../test/e2e/apps.ts";

type Files = Readonly<Record<string, string | Uint8Array>>;

export interface Source {
  /** Path of the file that changes with each deployment. */
  readonly changes: string;
  /** @param answer a text that the app's answer is to contain. */
  files(answer: string): Files;
  /** `BASE` stands for the image. */
  readonly dockerfile: string;
  /** PROJECT_DIR of the app; null for the source itself. */
  readonly projectDir: string | null;
}

const repository = fileURLToPath(new URL("../..", import.meta.url));
/** Answers with the content of a file, so that one small file is all that changes. */
export const inlineWeb = 'exec perl serve.pl "$(cat answer)"';
const nodeDockerfile = `FROM BASE
WORKDIR /app
COPY package*.json ./
RUN npm ci --omit=dev
COPY . .
CMD ["npm", "start"]
`;
const workspaceDockerfile = `FROM BASE
WORKDIR /app
COPY package*.json ./
COPY apps/api/package.json apps/api/
COPY packages/text/package.json packages/text/
RUN npm ci --omit=dev --workspace=apps/api --include-workspace-root
COPY . .
WORKDIR /app/apps/api
CMD ["npm", "start"]
`;
const frontEndDockerfile = `FROM BASE
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run build
CMD ["npm", "start"]
`;
/** The Dockerfile of an app whose base image contains its dependencies and starts it. */
const copyDockerfile = `FROM BASE
COPY . .
`;
const goDockerfile = `FROM BASE
USER root
WORKDIR /src
ENV GOCACHE=/tmp/go GOTOOLCHAIN=local CGO_ENABLED=0
COPY . .
RUN go build -trimpath -o /usr/local/bin/answer .
CMD ["answer"]
`;
const inlineDockerfile = `FROM BASE
WORKDIR /app
COPY . .
CMD ${JSON.stringify(["bash", "-c", inlineWeb])}
`;

export const express = await folderSource("bench/apps/express", "server.js", "THE-ANSWER", nodeDockerfile);
export const helloNode = await folderSource("samples/hello-node", "server.js", "Hello from", nodeDockerfile);
export const frontEnd = await folderSource(
  "bench/apps/front-end",
  "src/page.md",
  "THE-ANSWER",
  frontEndDockerfile,
);
export const workspace: Source = {
  ...(await folderSource("bench/apps/workspace", "apps/api/server.js", "THE-ANSWER", workspaceDockerfile)),
  projectDir: "apps/api",
};
export const flask = await folderSource("bench/apps/flask", "app.py", "THE-ANSWER", copyDockerfile);
export const php = await folderSource("bench/apps/php", "src/Answer.php", "THE-ANSWER", copyDockerfile);
export const ruby = await folderSource("bench/apps/ruby", "server.rb", "THE-ANSWER", copyDockerfile);
export const go = await folderSource("bench/apps/go", "main.go", "THE-ANSWER", goDockerfile);
export const noOp = inlineSource({});
export const manyFiles = inlineSource(smallFiles(20_000));

/** The archive that is uploaded to Slipway. */
export async function archiveOf(source: Source, answer: string): Promise<Buffer> {
  return await packTarGz(below("sample", source.files(answer)));
}

/** The tar of an inline app that is unpacked into a container's root. */
export async function rootedTar(source: Source, answer: string): Promise<Buffer> {
  return await packTar(below("sample", source.files(answer)));
}

/** The context of `docker build`. */
export async function buildContext(source: Source, answer: string, base: string): Promise<Buffer> {
  const Dockerfile = source.dockerfile.replace("BASE", base);
  return await packTar({ ...source.files(answer), Dockerfile });
}

export function changedBytes(source: Source, answer: string): number {
  return Buffer.from(source.files(answer)[source.changes] ?? "").length;
}

/** An archive with bytes that no compression makes smaller: gzip only wraps them. */
export async function largeArchive(source: Source, answer: string, sizeMegabytes: number): Promise<Buffer> {
  const blobs = Array.from({ length: sizeMegabytes }, (_, index) => [`data/${index}`, randomBytes(1e6)]);
  const tar = await packTar(below("sample", { ...source.files(answer), ...Object.fromEntries(blobs) }));
  return await promisify(gzip)(tar, { level: 0 });
}

async function folderSource(
  folder: string,
  changes: string,
  replaced: string,
  dockerfile: string,
): Promise<Source> {
  const files = await readFiles(join(repository, folder));
  const template = String(files[changes]);
  if (!template.includes(replaced)) throw new Error(`${folder}/${changes} does not contain ${replaced}.`);
  return {
    changes,
    dockerfile,
    projectDir: null,
    files: (answer) => ({ ...files, [changes]: template.replace(replaced, answer) }),
  };
}

function inlineSource(files: Files): Source {
  const rooted = Object.entries(inlineApp(":", inlineWeb));
  const own = Object.fromEntries(rooted.map(([path, text]) => [path.replace("sample/", ""), text]));
  return {
    changes: "answer",
    dockerfile: inlineDockerfile,
    projectDir: null,
    files: (answer) => ({ ...own, ...files, answer }),
  };
}

function smallFiles(count: number): Files {
  const paths = Array.from({ length: count }, (_, index) => `files/${index % 200}/${index}.txt`);
  return Object.fromEntries(paths.map((path) => [path, `${path} has a line of its own.\n`.repeat(8)]));
}

async function readFiles(folder: string): Promise<Files> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = paths.toSorted().map(async (path) => [relative(folder, path), await readFile(path)] as const);
  return Object.fromEntries(await Promise.all(files));
}

function below(folder: string, files: Files): Record<string, string | Uint8Array> {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [`${folder}/${path}`, content]));
}
