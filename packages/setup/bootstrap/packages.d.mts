// The types of packages.mjs.

interface LockFile {
  packages?: Record<string, Record<string, unknown>>;
}

export function packageStamp(root: string): string;
export function packagesAreFresh(root: string): boolean;
export function sameInstall(wanted: LockFile, installed: LockFile): boolean;
export function linkWorkspaces(root: string): void;
export function installPackages(root: string, say: (text: string) => void): Promise<void>;
