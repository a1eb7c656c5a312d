/** Why nothing is read from a client for a while. */
export const Hold = {
  /** Messages wait for a hook or a loop to take them. */
  inbox: 1,
  /** It sent more than the rate limit allows. */
  rate: 2,
  /** By the policy `pause`, it is behind with reading. */
  queue: 4,
  /** The application called `connection.pause()`. */
  application: 8,
} as const;

export type Hold = (typeof Hold)[keyof typeof Hold];
