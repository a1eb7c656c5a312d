import type { RedisReplyError } from "../driver.ts";

export interface Redirection {
  readonly slot: number;
  readonly host: string;
  readonly port: number;
  /** For this call only: the slot is on its way there. */
  readonly isAsk: boolean;
}

/** `MOVED 3999 127.0.0.1:6381`, `ASK 3999 127.0.0.1:6381`; `undefined` for any other error. */
export function redirection({ message }: RedisReplyError): Redirection | undefined {
  const parts = /^(MOVED|ASK) (\d+) (.*):(\d+)$/.exec(message);
  if (parts === null) return undefined;
  const [, kind, slot, host, port] = parts;
  return { slot: Number(slot), host: host as string, port: Number(port), isAsk: kind === "ASK" };
}
