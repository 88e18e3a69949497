// The benchmarks' own operations on the engine: push, run, remove, and wait for the first answer.

import { get } from "node:http";
import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import { poll } from "@slipway/async";
import { freePort } from "@slipway/testkit";

export interface Answering {
  readonly port: number;
  /** The value of the requests' Host header. */
  readonly host?: string;
  /** The part of the answer to wait for. */
  readonly answer: string;
  /** When aborted, ends the wait with its reason. */
  readonly signal?: AbortSignal;
}

export interface RunOptions {
  readonly image: string;
  readonly command?: string[];
  readonly workingDir?: string;
  readonly network?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly answer: string;
}

interface ProgressMessage {
  readonly error?: string;
}

const containerPort = "5000/tcp";
const pollMs = 5;
const answerLimitMs = 300_000;
const requestLimitMs = 10_000;

/** Reads the progress of a build, a push or a pull to its end. @throws the error that the engine sends as a message. */
export async function finished(docker: Docker, progress: NodeJS.ReadableStream): Promise<void> {
  const ended = Promise.withResolvers<ProgressMessage[]>();
  docker.modem.followProgress(progress, (error, messages: ProgressMessage[] | null) =>
    error ? ended.reject(error) : ended.resolve(messages ?? []),
  );
  const failed = (await ended.promise).find(({ error }) => error !== undefined);
  if (failed !== undefined) throw new Error(`The engine reports: ${failed.error}`);
}

/** Pulls an image with the login in the registry's URL, if it has one. */
export async function pull(docker: Docker, reference: string, registryUrl: string): Promise<void> {
  await finished(docker, await docker.pull(reference, { authconfig: loginOf(registryUrl) }));
}

/** Pushes an image with the login in the registry's URL, if it has one. */
export async function push(docker: Docker, reference: string, registryUrl: string): Promise<void> {
  await finished(docker, await docker.getImage(reference).push({ authconfig: loginOf(registryUrl) }));
}

function loginOf(registryUrl: string) {
  const { username, password, host } = new URL(registryUrl);
  return {
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    serveraddress: host,
  };
}

/** Removes all images of a registry from the engine: every tag and digest with its host. */
export async function removeImagesOf(docker: Docker, host: string): Promise<void> {
  for (const { RepoTags: tags, RepoDigests: digests } of await docker.listImages()) {
    const references = [...(tags ?? []), ...(digests ?? [])].filter((name) => name.startsWith(`${host}/`));
    for (const reference of references)
      await docker.getImage(reference).remove({ force: true }).catch(unlessGone);
  }
}

/** Ignores a missing image: removing the last tag also removes the digests. */
function unlessGone(error: unknown): void {
  if ((error as { statusCode?: number }).statusCode !== 404) throw error;
}

/** Runs a container of an image and waits for its first answer. A container that does not answer is removed. */
export async function run(docker: Docker, options: RunOptions): Promise<Docker.Container> {
  const { image, command, workingDir, network, labels, answer } = options;
  const port = await freePort();
  const container = await docker.createContainer({
    Image: image,
    ...(command === undefined ? {} : { Cmd: command }),
    ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
    Env: ["PORT=5000"],
    Labels: labels,
    HostConfig: {
      ...(network === undefined ? {} : { NetworkMode: network }),
      PortBindings: { [containerPort]: [{ HostIp: "127.0.0.1", HostPort: String(port) }] },
    },
    ExposedPorts: { [containerPort]: {} },
  });
  try {
    await container.start();
    await firstAnswer({ port, answer });
    return container;
  } catch (error) {
    await container.remove({ force: true, v: true });
    throw error;
  }
}

/** Requests the page repeatedly until the answer contains a text. @throws an error when the text does not appear within five minutes. */
export async function firstAnswer({ port, host, answer, signal }: Answering): Promise<void> {
  let last = "nothing";
  const probe = async () => {
    last = await page(port, host).catch((error: unknown) => String(error));
    return last.includes(answer);
  };
  const answered = await poll(probe, { everyMs: pollMs, limitMs: answerLimitMs, signal });
  if (answered === undefined)
    throw new Error(
      `Port ${port} does not answer with ${answer}; the last answer was: ${last.slice(0, 500)}`,
    );
}

function page(port: number, host: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = host === undefined ? {} : { host };
    const options = { host: "127.0.0.1", port, headers, agent: false, timeout: requestLimitMs };
    const request = get(options, (response) => void text(response).then(resolve, reject));
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.on("error", reject);
  });
}
