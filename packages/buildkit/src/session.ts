// A session of a build: a connection on which the engine calls this process by gRPC for the build's secrets.

import { randomUUID } from "node:crypto";
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { handleUnaryCall, MethodDefinition } from "@grpc/grpc-js";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { DockerConnection } from "@slipway/docker";

export interface Session extends AsyncDisposable {
  /** Id of the session, for the build request. */
  readonly id: string;
}

type Bytes = Uint8Array;

const healthCheck = "/grpc.health.v1.Health/Check";
const getSecret = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
/** HealthCheckResponse.ServingStatus */
const serving = 1;

/**
 * Opens a session. BuildKit requests a secret by its id when a step mounts it. The session provides no credentials for registries: a
 * Dockerfile could name images of other apps.
 * @throws {SlipwayError} "engine-unavailable"; the signal's reason.
 */
export async function openSession(
  connection: Pick<DockerConnection, "upgrade">,
  secrets: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Session> {
  const id = randomUUID();
  await using opened = new AsyncDisposableStack();
  const server = opened.adopt(serverOf(secrets), (one) => one.forceShutdown());
  const socket = opened.adopt(
    await connection.upgrade(
      "/session",
      {
        upgrade: "h2c",
        "x-docker-expose-session-uuid": id,
        "x-docker-expose-session-name": "slipway",
        "x-docker-expose-session-sharedkey": "",
        "x-docker-expose-session-grpc-method": [healthCheck, getSecret],
      },
      signal,
    ),
    (one) => void one.destroy(),
  );
  // A broken session fails the build, and the build's error contains the reason.
  socket.on("error", () => socket.destroy());
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(socket);
  const resources = opened.move();
  return { id, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

function serverOf(secrets: Readonly<Record<string, string>>): Server {
  const server = new Server();
  const check: handleUnaryCall<Bytes, Bytes> = (_call, respond) =>
    respond(null, new BinaryWriter().tag(1, WireType.Varint).int32(serving).finish());
  const secret: handleUnaryCall<Bytes, Bytes> = ({ request }, respond) => {
    const name = firstString(request);
    const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
    if (value === undefined) respond({ code: status.NOT_FOUND, details: `the app has no variable ${name}` });
    else
      respond(null, new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(Buffer.from(value)).finish());
  };
  server.addService({ check: unary(healthCheck), secret: unary(getSecret) }, { check, secret });
  return server;
}

/** A gRPC method whose messages are not decoded. */
function unary(path: string): MethodDefinition<Bytes, Bytes> {
  const same = (bytes: Bytes): Buffer => Buffer.from(bytes);
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

/** Field 1 of a message: the name of the requested secret. */
function firstString(message: Bytes): string {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === 1) return reader.string();
    reader.skip(type, number);
  }
  return "";
}
