export interface ServerSettings {
  /** Of the mesh; without it the process is alone. */
  readonly folder: string | undefined;
}

export type ServerApi = {
  port(): number;
  connections(): number;
  /** Resident memory after a garbage collection. Bytes. */
  rssBytes(): number;
  /** To all connections of all processes. */
  broadcast(text: string): Promise<Broadcast>;
};

export interface Broadcast {
  /** When it was called: microseconds of the machine's monotonic clock. */
  readonly atUs: number;
  /** When it was answered. */
  readonly answeredUs: number;
  readonly reached: number;
  readonly missing: readonly string[];
}

export interface ClientsSettings {
  readonly port: number;
  /** Where the connections come from: each address has some 28,000 ports for one server. */
  readonly from: string;
  readonly count: number;
}

export type ClientsApi = {
  open(): Promise<void>;
  /** Forgets what has come. */
  clear(): void;
  /** What text messages have come since then. */
  heard(): Heard;
};

export interface Heard {
  /** Of all connections together. */
  readonly messages: number;
  /** Connections that had exactly one. */
  readonly once: number;
  /** When the last of them came: microseconds of the machine's monotonic clock. */
  readonly lastUs: number;
  readonly closed: number;
}
