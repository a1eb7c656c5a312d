import { subscribe, unsubscribe, type ChannelListener } from "node:diagnostics_channel";
import type { CloseInfo } from "./close-code.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionError, DropCode, RefusalCode } from "./errors.ts";
import { readHostPort } from "./host-port.ts";
import { logLine, redactUrl } from "./log-text.ts";
import { entryFor } from "./origin.ts";
import { channels } from "./telemetry.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

export interface LogOptions {
  /** Gets each line, without a line break. What it throws is lost. @default writes it to stderr */
  readonly write?: (line: string) => void;
  /**
   * Hides what else is secret in a request target, such as a token in its path. Gets the target with user, query values and
   * fragment hidden already. @default nothing more
   */
  readonly redact?: (target: string) => string;
  /** Also a line for every connection that opens and closes. @default false */
  readonly connections?: boolean;
}

type Values = Parameters<typeof logLine>[0];

interface Refused {
  readonly code: RefusalCode;
  readonly status: number;
  readonly request: UpgradeRequest;
}

/**
 * Writes one line of JSON for every refusal, every connection that is dropped before its request, every one that upwire ends and every error of the application's own
 * code, of all upgraders in this process. Never payloads, cookies, other headers than `Origin`, or messages of errors, since
 * an error of `JSON.parse` quotes the payload.
 * @returns what stops it.
 */
export function logEvents(options: LogOptions = {}): () => void {
  const listeners = new Map<string, ChannelListener>();
  const on = (name: keyof typeof channels, values: (event: never) => Values): void => {
    listeners.set(channels[name].name as string, (event) => {
      // What a subscriber throws ends the process, and a log must not.
      try {
        const line = logLine({ time: new Date().toISOString(), event: name, ...values(event as never) });
        const written: unknown = (options.write ?? console.error)(line);
        if (written instanceof Promise) written.catch(() => {});
      } catch {
        // There is nobody left to tell.
      }
    });
  };
  const target = (url: string): string => {
    try {
      const redacted: unknown = (options.redact ?? String)(redactUrl(url));
      if (typeof redacted === "string") return redacted;
    } catch {
      // Better nothing than a secret.
    }
    return "***";
  };
  const who = ({ id, remoteAddress, request }: Connection): Values => ({
    connection: id,
    address: remoteAddress,
    path: target(request.url),
    origin: request.origin && redactUrl(request.origin),
  });

  on("refused", ({ code, status, request }: Refused) => ({
    code,
    status,
    address: request.remoteAddress,
    method: request.raw.method,
    path: target(request.url),
    origin: request.origin && redactUrl(request.origin),
    host: request.host,
    ifYours: remedyFor(code, request),
  }));
  on("dropped", ({ code, remoteAddress }: { code: DropCode; remoteAddress: string | undefined }) => ({ code, address: remoteAddress }));
  on("closure", ({ connection, error }: { connection: Connection; error: ConnectionError }) => ({
    code: error.code,
    closeCode: error.closeCode,
    cause: nameOf(error.cause),
    ...who(connection),
  }));
  on("error", ({ connection, error }: { connection?: Connection; error: unknown }) => ({
    error: nameOf(error),
    ...(connection && who(connection)),
  }));
  if (options.connections === true) {
    on("open", ({ connection }: { connection: Connection }) => who(connection));
    on("close", ({ connection, info }: { connection: Connection; info: CloseInfo }) => ({ ...info, ...who(connection) }));
  }
  for (const [name, listener] of listeners) subscribe(name, listener);
  return () => {
    for (const [name, listener] of listeners) unsubscribe(name, listener);
  };
}

/** What would let this page in, which only the reader of the log can judge. */
function remedyFor(code: RefusalCode, { origin, host }: UpgradeRequest): string | undefined {
  if (code === "ERR_ORIGIN") {
    const entry = entryFor(origin);
    return entry && `origin: ["same-origin", ${JSON.stringify(entry)}]`;
  }
  const name = code === "ERR_HOST_NOT_ALLOWED" ? readHostPort(host)?.name : undefined;
  return name && `allowedHosts: [${JSON.stringify(name)}]`;
}

/** Its code, such as ECONNRESET, or else its class. */
function nameOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return error === undefined ? undefined : typeof error;
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" ? code : error.name;
}
