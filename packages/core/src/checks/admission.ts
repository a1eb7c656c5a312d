import { isIPv6 } from "node:net";
import { foldAddress } from "./client-address.ts";
import type { RefusalCode } from "../base/errors.ts";

/** How many may be there at once; `undefined` for any number. */
export interface AdmissionCaps {
  readonly maxConnections: number | undefined;
  readonly maxConnectionsPerAddress: number | undefined;
}

/** The place of one connection, from before it was authorized until its socket is closed. */
export interface Slot {
  /** Gives the place back; more than once changes nothing. */
  free(): void;
}

function groupsOf(half: string): string[] {
  // An IPv4 address at the end stands for two groups.
  return half === "" ? [] : half.replace(/[\d.]+\.\d+$/, "0:0").split(":");
}

/** The first 64 bits of a folded IPv6 address: one customer has at least that much, and can take any address in it. */
function prefix64(ip: string): string {
  const [head = "", tail] = ip.split("::");
  const groups = groupsOf(head);
  if (tail !== undefined) {
    const right = groupsOf(tail);
    while (groups.length + right.length < 8) groups.push("0");
    groups.push(...right);
  }
  return groups.slice(0, 4).join(":");
}

/** Who counts as one address: an IPv4 address, or an IPv6 network of length 64. */
export function addressKey(ip: string): string {
  if (!isIPv6(ip)) return ip;
  const folded = foldAddress(ip);
  return isIPv6(folded) ? prefix64(folded) : folded;
}

/** Counts the connections of one Upgrader, those whose handshake is still under way included. */
export class Admission {
  readonly #caps: AdmissionCaps;
  readonly #perAddress = new Map<string, number>();
  #count = 0;

  constructor(caps: AdmissionCaps) {
    this.#caps = caps;
  }

  /** How many slots are taken. */
  get count(): number {
    return this.#count;
  }

  /** How many addresses hold a slot, where they are counted. */
  get addresses(): number {
    return this.#perAddress.size;
  }

  /** Why there is no slot for a client with this address. Takes none. */
  excess(address: string): RefusalCode | undefined {
    return this.#excess(this.#keyOf(address));
  }

  /** A slot for a client with this address, or why there is none. */
  take(address: string): Slot | RefusalCode {
    const key = this.#keyOf(address);
    const excess = this.#excess(key);
    if (excess !== undefined) return excess;
    this.#count++;
    if (key !== undefined) this.#perAddress.set(key, this.#held(key) + 1);
    let isFree = false;
    return {
      free: () => {
        if (isFree) return;
        isFree = true;
        this.#count--;
        if (key !== undefined) this.#leave(key);
      },
    };
  }

  /** `undefined` where addresses are not counted. */
  #keyOf(address: string): string | undefined {
    return this.#caps.maxConnectionsPerAddress === undefined ? undefined : addressKey(address);
  }

  #excess(key: string | undefined): RefusalCode | undefined {
    const { maxConnections = Infinity, maxConnectionsPerAddress = Infinity } = this.#caps;
    // The client's own connections come first: so a full server still tells a greedy client that it is one.
    if (key !== undefined && this.#held(key) >= maxConnectionsPerAddress) return "ERR_TOO_MANY_FROM_ADDRESS";
    return this.#count >= maxConnections ? "ERR_TOO_MANY_CONNECTIONS" : undefined;
  }

  #held(key: string): number {
    return this.#perAddress.get(key) ?? 0;
  }

  #leave(key: string): void {
    const held = this.#held(key) - 1;
    if (held > 0) this.#perAddress.set(key, held);
    else this.#perAddress.delete(key);
  }
}
