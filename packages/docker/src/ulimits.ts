// Limits that the kernel enforces for each process of a container, on every engine.

export interface ProcessLimits {
  /** Largest file. A process that exceeds it gets SIGXFSZ, which ends it, or the error EFBIG: "File too large". */
  readonly fileBytes: number;
  /** Open files. A process that exceeds it gets the error EMFILE: "Too many open files". */
  readonly openFiles: number;
}

/** @returns the value of `HostConfig.Ulimits`; without core dumps, which would go to the host. */
export function ulimits({ fileBytes, openFiles }: ProcessLimits) {
  return [
    { Name: "core", Soft: 0, Hard: 0 },
    { Name: "fsize", Soft: fileBytes, Hard: fileBytes },
    { Name: "nofile", Soft: openFiles, Hard: openFiles },
  ];
}
