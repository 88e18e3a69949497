// Limits that the kernel enforces for each process of a container, on every engine.

export interface ProcessLimits {
  /** Maximum file size. A process that exceeds it gets SIGXFSZ, which ends it, or the error EFBIG: "File too large". */
  readonly fileBytes: number;
  /** Maximum number of open files. A process that exceeds it gets the error EMFILE: "Too many open files". */
  readonly openFiles: number;
}

/** @returns the value of `HostConfig.Ulimits`; without core dumps, which would be written to the host. */
export function ulimits({ fileBytes, openFiles }: ProcessLimits) {
  return [
    { Name: "core", Soft: 0, Hard: 0 },
    { Name: "fsize", Soft: fileBytes, Hard: fileBytes },
    { Name: "nofile", Soft: openFiles, Hard: openFiles },
  ];
}
