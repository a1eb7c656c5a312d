/** The keys and channels of the control plane. All of one slot: what one node tells another stays in order on a Cluster too. */
export interface PlaneNames {
  /** A sorted set of nodes by the time when their lease ends. */
  readonly alive: string;
  /** A stream of what is kept for nodes that are cut off. */
  readonly kept: string;
  /** Of all nodes. */
  readonly all: string;
  of(node: string): string;
}

export function planeNames(prefix: string): PlaneNames {
  const base = `${prefix}:{${prefix}.nodes}`;
  return { alive: `${base}:alive`, kept: `${base}:kept`, all: `${base}:all`, of: (node) => `${base}:node:${node}` };
}

/** What another program has written there is none. */
export function isNodeName(text: string): boolean {
  return /^[A-Za-z0-9_-]{8,32}$/.test(text);
}
