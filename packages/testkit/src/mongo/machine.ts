// A machine that runs a MongoDB server on a port of the loopback interface: a process or a container.

export interface Machine extends AsyncDisposable {
  readonly port: number;
  /** Ends the server as a power cut would. */
  kill(): Promise<void>;
  start(): Promise<void>;
}
