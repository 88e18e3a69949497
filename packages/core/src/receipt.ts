// Receipts of builds, the public keys that verify them, and the blob keys of SBOMs.

/** A signed statement of how one build made an image. */
export interface Receipt {
  readonly deploymentId: string;
  readonly appId: string;
  /** `sha256:…` of the image that the receipt describes. */
  readonly imageDigest: string;
  /** The attempt that built the image. */
  readonly attempt: number;
  /** The signed envelope, as JSON. */
  readonly envelope: string;
  readonly createdAt: Date;
}

/** A key whose signatures are valid. */
export interface ReceiptKey {
  /** Hexadecimal SHA-256 of the public key. */
  readonly id: string;
  readonly publicPem: string;
  /** When a worker first signed with it. */
  readonly createdAt: Date;
}

/** Key of the blob with the SBOM of an image. @param imageDigest `sha256:…`. */
export function sbomBlobKey(appId: string, imageDigest: string): string {
  return `${sbomBlobPrefix(appId)}${imageDigest.replace(":", "-")}.json`;
}

/** Prefix of the keys of all SBOMs of an app. */
export function sbomBlobPrefix(appId: string): string {
  return `sboms/${appId}/`;
}
