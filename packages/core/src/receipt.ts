// Receipts of builds, and the public keys that verify them.

/** What one build left: how an image was made, signed. */
export interface Receipt {
  readonly deploymentId: string;
  readonly appId: string;
  /** `sha256:…` of the image that it is about. */
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
