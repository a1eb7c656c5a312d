/** Stands in for `@upwire/protocol` until that has these names. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

export class RealtimeError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, { retryable = false }: { readonly retryable?: boolean } = {}) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}
