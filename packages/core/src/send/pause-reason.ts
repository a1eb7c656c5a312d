/** Reasons not to read from a client for a while, as bits. */
export const Hold = {
  /** Messages wait until a hook or a loop takes them. */
  inbox: 1,
  /** The client sent more than the rate limit allows. */
  rate: 2,
  /** The client reads too slowly, and the policy is `pause`. */
  queue: 4,
  /** The application called `connection.pause()`. */
  application: 8,
} as const;

export type Hold = (typeof Hold)[keyof typeof Hold];
