// Looks up, pulls, tags and pushes the images of an engine.

import type Docker from "dockerode";

interface EngineEvent {
  status?: string;
  progress?: string;
  error?: string;
}

/** The id of this engine's image with the name `reference`, as `sha256:…`; undefined when there is none. */
export async function imageId(docker: Docker, reference: string): Promise<string | undefined> {
  try {
    const { Id: id } = await docker.getImage(reference).inspect();
    return id;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

/** Pulls an image and waits for the end. Rejects with the engine's reason. */
export async function pullImage(
  docker: Docker,
  reference: string,
  note?: (detail: string) => void,
): Promise<void> {
  await finished(docker, await docker.pull(reference), note);
}

/** Tags `image` as `repository:tag` and pushes it, with the credentials in the registry's URL if there are any. */
export async function pushImage(
  docker: Docker,
  image: string,
  target: { registry: URL; repository: string; tag: string },
  note?: (detail: string) => void,
): Promise<void> {
  const { registry, repository, tag } = target;
  const repo = `${registry.host}/${repository}`;
  await docker.getImage(image).tag({ repo, tag });
  const authconfig = {
    username: decodeURIComponent(registry.username),
    password: decodeURIComponent(registry.password),
    serveraddress: registry.host,
  };
  await finished(docker, await docker.getImage(repo).push({ tag, authconfig }), note);
}

/** The engine responds with 200 at once and reports a failure as an event in the stream. */
async function finished(
  docker: Docker,
  stream: NodeJS.ReadableStream,
  note?: (detail: string) => void,
): Promise<void> {
  let failure: string | undefined;
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error) => (error ? reject(error) : resolve()),
      (event: EngineEvent) => {
        failure ??= event.error;
        note?.([event.status, event.progress].filter(Boolean).join(" "));
      },
    );
  });
  if (failure !== undefined) throw new Error(failure);
}
