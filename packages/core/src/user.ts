// Users and the API tokens they hold. A token's secret is never kept, only its hash.

export interface User {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly fullname: string;
  /** Operators see the queues of all and every app. */
  readonly operator: boolean;
  readonly createdAt: Date;
}

export interface ApiToken {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  /** SHA-256 of the token, hex. Tokens hold 256 random bits, so a slow hash would add nothing. */
  readonly secretSha256: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}
