// Chooses free TCP ports on the loopback address.

import { createServer } from "node:net";

const loopback = "127.0.0.1";

/** Returns `remembered` when it is free, otherwise any free port. Another process may still bind it before the caller does. */
export async function choosePort(remembered?: number): Promise<number> {
  if (remembered !== undefined && (await isPortFree(remembered, loopback))) return remembered;
  const port = await boundPort(0, loopback);
  if (port === undefined)
    throw new Error(`No TCP port is free on ${loopback}: stop a program that listens there.`);
  return port;
}

/** Whether no process listens on `port` of `host`, or of any address when `host` is undefined. */
export async function isPortFree(port: number, host?: string): Promise<boolean> {
  return (await boundPort(port, host)) !== undefined;
}

function boundPort(port: number, host: string | undefined): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen({ port, exclusive: true, ...(host === undefined ? {} : { host }) }, () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : undefined));
    });
  });
}
