// Creates the builder image with the replacement of a lifecycle, based on the images of a stack.

import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { Readable } from "node:stream";
import type Docker from "dockerode";
import { packTar } from "@slipway/testkit";

export interface BuilderImage {
  /** The image's name, by which the caller removes it. */
  readonly name: string;
  /** The base image of the app's images. */
  readonly run: string;
  /** The base image of the builder image: the replacement is a Python program. */
  readonly build: string;
}

/**
 * The stack has no bytecode of Python's modules, so each start of the replacement would compile those that it imports for 0.2 s. A lifecycle
 * is a compiled program.
 */
const compileModules =
  "USER 0:0\nRUN python3 -c 'import base64, gzip, hashlib, http.client, io, json, os, re, stat, sys, tarfile'\n";

/** Builds the image on the engine. @throws the engine's output when the build fails. */
export async function makeBuilderImage(docker: Docker, { name, run, build }: BuilderImage): Promise<void> {
  const metadata = {
    lifecycle: {
      version: "0.19.0",
      apis: { platform: { deprecated: [], supported: ["0.7", "0.12", "0.13"] } },
    },
    stack: { runImage: { image: run } },
  };
  const file = async (path: string) => ({
    mode: 0o755,
    content: await readFile(new URL(path, import.meta.url)),
  });
  const quoted = JSON.stringify(JSON.stringify(metadata)).replaceAll("$", "\\$");
  const context = await packTar({
    Dockerfile: `FROM ${build}\nENV CNB_USER_ID=1001 CNB_GROUP_ID=1002\nLABEL io.buildpacks.builder.metadata=${quoted}\n${compileModules}COPY creator launcher /cnb/lifecycle/\nUSER 1001:1002\n`,
    creator: await file("creator.py"),
    launcher: await file("launcher.sh"),
  });
  const built = await text(await docker.buildImage(Readable.from([context]), { t: name }));
  if (!built.includes("Successfully tagged")) throw new Error(built);
}

/** The project.toml of an app for the replacement: its answer contains the greeting. */
export function descriptorOf(greeting: string): string {
  return `[_]
schema-version = "0.2"
[[io.buildpacks.build.env]]
name = "BP_GREETING"
value = ${JSON.stringify(greeting)}
[[io.buildpacks.build.env]]
name = "BP_SECOND"
value = "two"
`;
}
