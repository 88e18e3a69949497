// The apps of the benchmark: their files with the text of their answers, and Dockerfiles as users commonly write them.

import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { packTar, packTarGz } from "@slipway/testkit";
import { inlineApp, servePl } from "../../test/e2e/apps.ts";
import { descriptorOf } from "../../test/e2e/cnb/builder-image.ts";

type Files = Readonly<Record<string, string | Uint8Array>>;

export interface Source {
  /** Path of the file that changes with each deployment. */
  readonly changes: string;
  /** @param answer a text that the app's answer must contain. */
  files(answer: string): Files;
  /** `BASE` stands for the base image. Null if the files contain a Dockerfile, whose argument `BASE` is the base image. */
  readonly dockerfile: string | null;
  /** The app's variables. */
  readonly variables: Readonly<Record<string, string>>;
}

const repository = fileURLToPath(new URL("../..", import.meta.url));
/** Answers with the content of a file, so that only one small file changes. */
export const inlineWeb = serving("answer");
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
/** The Dockerfile of an app whose base image contains the app's dependencies and its start command. */
const copyDockerfile = `FROM BASE
COPY . .
`;
const djangoDockerfile = `${copyDockerfile}RUN python manage.py collectstatic --noinput
`;
const goDockerfile = `FROM BASE
USER root
WORKDIR /src
ENV GOCACHE=/tmp/go GOTOOLCHAIN=local CGO_ENABLED=0
COPY . .
RUN go build -trimpath -o /usr/local/bin/answer .
CMD ["answer"]
`;
const inlineDockerfile = servingDockerfile("answer");
const buildpacksDockerfile = `FROM BASE
WORKDIR /app
RUN printf 'hello from ' >greeting
COPY . .
RUN cat greeting app.txt >page
CMD ${JSON.stringify(["bash", "-c", serving("page")])}
`;

export const express = await folderSource("bench/apps/express", "server.js", nodeDockerfile);
export const helloNode = await folderSource("samples/hello-node", "server.js", nodeDockerfile, {
  replaced: "Hello from",
});
export const frontEnd = await folderSource("bench/apps/front-end", "src/page.md", frontEndDockerfile);
export const workspace = await folderSource(
  "bench/apps/workspace",
  "apps/api/server.js",
  workspaceDockerfile,
  { variables: { PROJECT_DIR: "apps/api" } },
);
export const flask = await folderSource("bench/apps/flask", "app.py", copyDockerfile);
export const django = await folderSource("bench/apps/django", "site1/urls.py", djangoDockerfile);
export const fastApi = await folderSource("bench/apps/fastapi", "main.py", copyDockerfile, {
  added: { "uv.lock": await readFile(join(repository, "test/e2e/fastapi-uv.lock")) },
});
export const php = await folderSource("bench/apps/php", "src/Answer.php", copyDockerfile);
export const ruby = await folderSource("bench/apps/ruby", "server.rb", copyDockerfile);
export const go = await folderSource("bench/apps/go", "main.go", goDockerfile);
/** An app with a Dockerfile, which mounts a secret. */
export const threeStages = await folderSource("bench/apps/dockerfile", "page.txt", null, {
  added: { "serve.pl": servePl },
  variables: { TOKEN: "of the benchmark" },
});
/** An app for the replacement of a lifecycle, which answers with the text in its descriptor. */
export const nativeBuildpacks: Source = {
  changes: "project.toml",
  files: (answer) => ({ "project.toml": descriptorOf(answer), "serve.pl": servePl }),
  dockerfile: servingDockerfile("project.toml"),
  variables: {},
};
export const noOp = inlineSource({});
export const manyFiles = inlineSource(smallFiles(20_000));

/** @param base the URL of a server started by `serveBuildpacks`. Its second buildpack answers with the value that the first one exports. */
export function twoBuildpacks(base: string): Source {
  const list = `${base}/tool.git#v1\n${base}/server.tgz\n`;
  return {
    changes: "app.txt",
    files: (answer) => ({ "app.txt": answer, "serve.pl": servePl, ".buildpacks": list }),
    dockerfile: buildpacksDockerfile,
    variables: { SAID: " said" },
  };
}

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
  const files = source.files(answer);
  if (source.dockerfile === null) return await packTar(files);
  return await packTar({ ...files, Dockerfile: source.dockerfile.replace("BASE", base) });
}

export function changedBytes(source: Source, answer: string): number {
  return Buffer.from(source.files(answer)[source.changes] ?? "").length;
}

/** An archive with bytes that cannot be compressed: gzip only wraps them. */
export async function largeArchive(source: Source, answer: string, sizeMegabytes: number): Promise<Buffer> {
  const blobs = Array.from({ length: sizeMegabytes }, (_, index) => [`data/${index}`, randomBytes(1e6)]);
  const tar = await packTar(below("sample", { ...source.files(answer), ...Object.fromEntries(blobs) }));
  return await promisify(gzip)(tar, { level: 0 });
}

interface FolderOptions {
  /** The text that the answer replaces in the file that changes. */
  readonly replaced?: string;
  /** Files in addition to the files of the folder. */
  readonly added?: Files;
  readonly variables?: Source["variables"];
}

async function folderSource(
  folder: string,
  changes: string,
  dockerfile: string | null,
  { replaced = "THE-ANSWER", added = {}, variables = {} }: FolderOptions = {},
): Promise<Source> {
  const files = { ...(await readFiles(join(repository, folder))), ...added };
  const template = String(files[changes]);
  if (!template.includes(replaced)) throw new Error(`${folder}/${changes} does not contain ${replaced}.`);
  return {
    changes,
    dockerfile,
    variables,
    files: (answer) => ({ ...files, [changes]: template.replace(replaced, answer) }),
  };
}

function inlineSource(files: Files): Source {
  const rooted = Object.entries(inlineApp(":", inlineWeb));
  const own = Object.fromEntries(rooted.map(([path, text]) => [path.replace("sample/", ""), text]));
  return {
    changes: "answer",
    dockerfile: inlineDockerfile,
    variables: {},
    files: (answer) => ({ ...own, ...files, answer }),
  };
}

/** The command that answers with the content of a file. */
function serving(file: string): string {
  return `exec perl serve.pl "$(cat ${file})"`;
}

function servingDockerfile(file: string): string {
  return `FROM BASE
WORKDIR /app
COPY . .
CMD ${JSON.stringify(["bash", "-c", serving(file)])}
`;
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
