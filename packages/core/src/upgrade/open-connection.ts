import type { Socket } from "node:net";
import type { Approval } from "../checks/decide.ts";
import { HandlerRuns, type ConnectionHandler, type HandlerRun } from "../connection/connection-handler.ts";
import type { ConnectionSetup } from "../connection/connection-setup.ts";
import { Connection } from "../connection/connection.ts";
import { Counters } from "../base/counters.ts";
import { ErrorReport } from "../observe/error-report.ts";
import { Flusher } from "../send/flusher.ts";
import { beatEveryMs, Heartbeat } from "../connection/pings-and-deadlines.ts";
import { SocketTransport, type SocketSetup } from "../connection/socket-transport.ts";
import type { Transport } from "../connection/transport.ts";
import type { ResolvedOptions } from "../connection/options.ts";
import { sendSetup } from "../send/send-setup.ts";
import { channels } from "../base/channels.ts";
import { KeptRequests } from "../checks/upgrade-request.ts";

/** Makes connections of the requests that one Upgrader has approved, and holds what they share. */
export class ConnectionOpener<Context> {
  readonly setup: ConnectionSetup;
  readonly counters: Counters = new Counters();
  readonly errors: ErrorReport;
  readonly runs: HandlerRuns<Context>;
  /** One for handlers that take whole messages, one for handlers that take streams. */
  readonly #whole: SocketSetup;
  readonly #streaming: SocketSetup;
  readonly #idPrefix: string;
  readonly #kept = new KeptRequests();

  constructor({ limits, compression, readers, clock, maxBatchDelayMs, connectionIdPrefix, onError }: ResolvedOptions<Context, never>) {
    const { counters } = this;
    this.#idPrefix = connectionIdPrefix;
    const errors = new ErrorReport(onError);
    const heartbeat = new Heartbeat(clock, beatEveryMs(limits));
    this.errors = errors;
    this.runs = new HandlerRuns((error, source) => errors.report(error, source));
    const report = (error: unknown, owner: object): void => errors.report(error, { connection: owner as Connection });
    const flusher = new Flusher(clock, maxBatchDelayMs);
    const now = (): number => heartbeat.now;
    this.setup = { limits, heartbeat, counters, clock, report, compression, send: sendSetup(limits, flusher, counters, now) };
    const sockets = { limits, compression, now };
    this.#whole = { ...sockets, reader: readers.whole };
    this.#streaming = { ...sockets, reader: readers.streaming };
  }

  /** @throws TypeError for what is no handler. */
  over(transport: Transport, approval: Approval<Context>, handler: ConnectionHandler<Context, never> | undefined): Connection<Context> {
    return this.#open(transport, approval, handler && this.runs.of(handler));
  }

  /** Over a socket of ours. @param head The bytes that came behind the handshake. @throws TypeError for what is no handler. */
  overSocket(socket: Socket, head: Buffer, approval: Approval<Context>, handler: ConnectionHandler<Context, never> | undefined): Connection<Context> {
    const run = handler && this.runs.of(handler);
    const inflates = approval.deflate !== undefined && this.setup.compression !== undefined;
    const transport = new SocketTransport(run?.streams === true ? this.#streaming : this.#whole, { socket, head, inflates });
    return this.#open(transport, approval, run);
  }

  #open(transport: Transport, { context, request, subprotocol = "", deflate }: Approval<Context>, run: HandlerRun<Context> | undefined): Connection<Context> {
    const init = { idPrefix: this.#idPrefix, context, remoteAddress: request.remoteAddress, subprotocol, request: this.#kept.of(request), deflate };
    const connection = new Connection<Context>(this.setup, transport, init, run);
    if (this.errors.hasLogs) this.errors.inherit(request, connection);
    if (channels.open.hasSubscribers) channels.open.publish({ connection });
    if (channels.close.hasSubscribers) connection.onClose((info) => channels.close.publish({ connection, info }));
    run?.start(connection, request);
    return connection;
  }
}
