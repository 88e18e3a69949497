// Reads the progress that BuildKit reports: messages `moby.buildkit.v1.StatusResponse` in protobuf's encoding, of which only the
// fields below are decoded (https://github.com/moby/buildkit/blob/master/api/services/control/control.proto).

import { BinaryReader } from "@bufbuild/protobuf/wire";

/** A step of a build, or a part of its preparation. Each report replaces the previous report of the same vertex. */
export interface Vertex {
  readonly digest: string;
  /** `[build 2/4] RUN npm ci`; names of BuildKit's own steps begin with `[internal]`. */
  readonly name: string;
  readonly cached: boolean;
  /** In milliseconds since 1970; null before the start. */
  readonly startedMs: number | null;
  readonly completedMs: number | null;
  /** Error message; empty unless the step failed. */
  readonly error: string;
}

/** Output of a step. */
interface VertexOutput {
  /** Digest of the vertex. */
  readonly vertex: string;
  readonly bytes: Uint8Array;
}

export interface Trace {
  readonly vertexes: readonly Vertex[];
  readonly outputs: readonly VertexOutput[];
}

type Fields = Readonly<Record<number, (reader: BinaryReader) => void>>;

/** @throws {Error} when the bytes are not a valid message. */
export function decodeTrace(bytes: Uint8Array): Trace {
  const vertexes: Vertex[] = [];
  const outputs: VertexOutput[] = [];
  readMessage(bytes, {
    1: (reader) => vertexes.push(vertexOf(reader.bytes())),
    3: (reader) => outputs.push(outputOf(reader.bytes())),
  });
  return { vertexes, outputs };
}

function vertexOf(bytes: Uint8Array): Vertex {
  const vertex = {
    digest: "",
    name: "",
    cached: false,
    startedMs: null as number | null,
    completedMs: null as number | null,
    error: "",
  };
  readMessage(bytes, {
    1: (reader) => (vertex.digest = reader.string()),
    3: (reader) => (vertex.name = reader.string()),
    4: (reader) => (vertex.cached = reader.bool()),
    5: (reader) => (vertex.startedMs = timeOf(reader.bytes())),
    6: (reader) => (vertex.completedMs = timeOf(reader.bytes())),
    7: (reader) => (vertex.error = reader.string()),
  });
  return vertex;
}

function outputOf(bytes: Uint8Array): VertexOutput {
  const output = { vertex: "", bytes: new Uint8Array() };
  readMessage(bytes, {
    1: (reader) => (output.vertex = reader.string()),
    4: (reader) => (output.bytes = new Uint8Array(reader.bytes())),
  });
  return output;
}

/** A `google.protobuf.Timestamp`. */
function timeOf(bytes: Uint8Array): number {
  let seconds = 0;
  let nanos = 0;
  readMessage(bytes, {
    1: (reader) => (seconds = Number(reader.int64())),
    2: (reader) => (nanos = reader.int32()),
  });
  return seconds * 1000 + nanos / 1e6;
}

function readMessage(bytes: Uint8Array, fields: Fields): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const read = fields[number];
    if (read === undefined) reader.skip(type, number);
    else read(reader);
  }
}
