import type { RunningDemo } from "@upwire-apps/chat";

export interface LaunchOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Whether it goes by every name, also on the loopback interface. @default false */
  readonly anyName?: boolean;
  /** What `save()` of an earlier one gave. @default nothing is known */
  readonly restore?: Uint8Array | undefined;
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
}

export interface LaunchedServer extends Omit<RunningDemo, "attachment"> {
  readonly name: string;
  readonly scheme: "http" | "https";
  readonly port: number;
  /** Without a slash at the end. */
  readonly url: string;
}

export interface Launched {
  readonly index?: LaunchedServer;
  readonly demos: readonly LaunchedServer[];
  close(): Promise<void>;
  /** Before it waits for clients that are slow to go, `keep` gets what the next one needs to go on from here: its option `restore`. */
  saveAndClose(keep: (saved: Uint8Array) => unknown): Promise<void>;
}

export function startOne(name: string, options: LaunchOptions): Promise<Launched>;
export function startAll(options: LaunchOptions): Promise<Launched>;
