export interface Stage {
  /** Without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

export interface StageOptions {
  /** Which pages may connect. @default "same-origin" */
  readonly origin?: "same-origin" | readonly string[];
  /** Needs an Origin and the cookie that its page gives. @default false */
  readonly forPages?: boolean;
}

/** A server for `play`, with pages that load the built client. */
export function openStage(options?: StageOptions): Promise<Stage>;
