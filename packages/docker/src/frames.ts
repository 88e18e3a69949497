// Removes the framing from an engine's attach stream: an eight-byte header before each frame of stdout or stderr. The transport
// may split frames anywhere.
//
// docker-modem's own `demuxStream` does not suit the output of untrusted processes. It reads with "data" listeners and ignores the
// result of `write`, so a slow reader does not slow the process down, and the output accumulates in memory. It also buffers each frame
// until it is complete, copying it with every chunk, and a header may announce 4 GiB. This decoder buffers at most one header, and
// works within `for await`, which reads no further until the last chunk is consumed.

const headerBytes = 8;

/** The first byte of the header of a stderr frame. */
const stderrKind = 2;

/**
 * Creates the decoder of one stream. Each call takes the next chunk and returns its output, possibly empty, with stdout and stderr
 * in the order received, or only stdout when `onError` receives stderr. It joins the payloads of a chunk, because a process that
 * writes line by line creates a frame per line.
 */
export function createDeframer(onError?: (bytes: Uint8Array) => void): (chunk: Uint8Array) => Uint8Array {
  const header = Buffer.alloc(headerBytes);
  let headerFilled = 0;
  let remainingBytes = 0;
  return (chunk) => {
    const output = Buffer.allocUnsafe(chunk.length);
    let written = 0;
    let at = 0;
    while (at < chunk.length) {
      if (remainingBytes > 0) {
        const take = Math.min(remainingBytes, chunk.length - at);
        const payload = chunk.subarray(at, at + take);
        if (onError !== undefined && header[0] === stderrKind) onError(payload);
        else {
          output.set(payload, written);
          written += take;
        }
        at += take;
        remainingBytes -= take;
        continue;
      }
      const take = Math.min(headerBytes - headerFilled, chunk.length - at);
      header.set(chunk.subarray(at, at + take), headerFilled);
      headerFilled += take;
      at += take;
      if (headerFilled === headerBytes) {
        remainingBytes = header.readUInt32BE(4);
        headerFilled = 0;
      }
    }
    return output.subarray(0, written);
  };
}
