import { subscribe, unsubscribe, type ChannelListener } from "node:diagnostics_channel";
import type { Connection } from "../connection/connection.ts";
import { ConnectionError, type RefusalCode } from "../base/errors.ts";
import type { UpwireEvents } from "./events.ts";
import { atOnce, guard } from "../base/guard.ts";
import { readHostPort } from "../checks/host-port.ts";
import { logLine, redactUrl } from "./log-text.ts";
import { readOptions, kinds, type OptionKinds } from "../base/option-check.ts";
import { entryFor } from "../checks/origin.ts";
import { channels } from "../base/channels.ts";
import type { UpgradeRequest } from "../checks/upgrade-request.ts";

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

const logKinds: OptionKinds<LogOptions> = { write: kinds.callback, redact: kinds.callback, connections: kinds.flag };
const ignore = (): void => {};

type Values = Parameters<typeof logLine>[0];

/**
 * Writes one line of JSON for every refusal, every connection that is dropped before its request, every one that upwire ends and every error of the application's own
 * code, of all upgraders in this process. Never payloads, cookies, other headers than `Origin`, or messages of errors, since
 * an error of `JSON.parse` quotes the payload.
 * @returns what stops it. @throws TypeError for an option that does not exist, or is of a wrong kind.
 */
export function logEvents(given?: LogOptions): () => void {
  const options = readOptions<LogOptions>("logEvents", given, logKinds);
  const listeners = new Map<string, ChannelListener>();
  const on = <Name extends keyof typeof channels>(name: Name, values: (event: UpwireEvents[`upwire:${Name}`]) => Values): void => {
    listeners.set(channels[name].name as string, (event) => {
      // What a subscriber throws ends the process, and a log must not.
      try {
        const line = logLine({ time: new Date().toISOString(), event: name, ...values(event as UpwireEvents[`upwire:${Name}`]) });
        const { write = console.error } = options;
        // The log itself failed: there is no other log to tell.
        guard(() => write(line), ignore);
      } catch {
        // The line is lost, and the application goes on.
      }
    });
  };
  const target = (url: string): string => {
    try {
      const redacted: unknown = atOnce("redact", (options.redact ?? String)(redactUrl(url)));
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

  const whose = (request: UpgradeRequest): Values => ({
    address: request.remoteAddress,
    method: request.raw.method,
    path: target(request.url),
    origin: request.origin && redactUrl(request.origin),
  });

  on("refused", ({ code, status, request }) => ({ code, status, ...whose(request), host: request.host, ifYours: remedyFor(code, request) }));
  on("dropped", ({ code, remoteAddress }) => ({ code, address: remoteAddress }));
  on("closure", ({ connection, error }) => ({
    code: error.code,
    closeCode: error.closeCode,
    detail: ConnectionError.faultOf(error),
    cause: nameOf(error.cause),
    ...who(connection),
  }));
  on("error", ({ connection, request, error }) => ({
    error: nameOf(error),
    ...(connection === undefined ? request && whose(request) : who(connection)),
  }));
  if (options.connections === true) {
    on("open", ({ connection }) => who(connection));
    on("close", ({ connection, info }) => ({ ...info, ...who(connection) }));
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

/** Its code, such as ECONNRESET, or else its class. An error of the application may be any object, and even that may throw. */
function nameOf(error: unknown): string | undefined {
  try {
    if (!(error instanceof Error)) return error === undefined ? undefined : typeof error;
    const { code, name } = error as { readonly code?: unknown; readonly name: unknown };
    return typeof code === "string" ? code : String(name);
  } catch {
    return typeof error;
  }
}
