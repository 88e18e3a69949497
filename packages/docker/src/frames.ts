// Takes the engine's framing off an attach stream: eight bytes before each piece of stdout or stderr, cut anywhere by the transport.

const headerBytes = 8;

/**
 * One per stream. Each call takes the next chunk and returns what it holds of the output, both streams in the order they came;
 * it may be empty. Payloads of one chunk come out as one, since a process that writes line by line makes a frame of each.
 */
export function createDeframer(): (chunk: Uint8Array) => Uint8Array {
  const header = Buffer.alloc(headerBytes);
  let headerFilled = 0;
  let payloadLeft = 0;
  return (chunk) => {
    const output = Buffer.allocUnsafe(chunk.length);
    let written = 0;
    let at = 0;
    while (at < chunk.length) {
      if (payloadLeft > 0) {
        const take = Math.min(payloadLeft, chunk.length - at);
        output.set(chunk.subarray(at, at + take), written);
        written += take;
        at += take;
        payloadLeft -= take;
        continue;
      }
      const take = Math.min(headerBytes - headerFilled, chunk.length - at);
      header.set(chunk.subarray(at, at + take), headerFilled);
      headerFilled += take;
      at += take;
      if (headerFilled === headerBytes) {
        payloadLeft = header.readUInt32BE(4);
        headerFilled = 0;
      }
    }
    return output.subarray(0, written);
  };
}
