// Free TCP ports on the loopback address, the remembered one first.
import { createServer } from "node:net";

const loopback = "127.0.0.1";

/** `remembered` when it is free, else any free port; another process may still take it before its user binds it. */
export async function choosePort(remembered?: number): Promise<number> {
  if (remembered !== undefined && (await isPortFree(remembered, loopback))) return remembered;
  const port = await boundPort(0, loopback);
  if (port === undefined) throw new Error("no free TCP port on the loopback address");
  return port;
}

/** Whether nobody listens on `port`, at any address unless `host` says which. */
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
