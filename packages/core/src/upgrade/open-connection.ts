import type { Socket } from "node:net";
import { AdoptedEngine } from "../ws/adopted-engine.ts";
import type { Approval } from "../checks/decide.ts";
import { HandlerRuns, type ConnectionHandler, type HandlerRun } from "../connection/connection-handler.ts";
import type { ConnectionSetup } from "../connection/connection-setup.ts";
import { Connection } from "../connection/connection.ts";
import { Counters } from "../base/counters.ts";
import { beatEveryMs } from "../connection/deadlines.ts";
import type { Engine } from "../connection/engine.ts";
import { ErrorReport } from "../observe/error-report.ts";
import { Flusher } from "../send/flusher.ts";
import { Heartbeat } from "../connection/heartbeat.ts";
import { NativeEngine, type EngineSetup } from "../connection/native-engine.ts";
import type { ResolvedOptions } from "../connection/options.ts";
import { sendSetup } from "../send/send-setup.ts";
import { channels } from "../base/channels.ts";
import { KeptRequests } from "../checks/upgrade-request.ts";
import type { WebSocketLike } from "../ws/ws-exit.ts";

/** Makes connections of the requests that one Upgrader has approved, and holds what they share. */
export class ConnectionOpener<Context> {
  readonly setup: ConnectionSetup;
  readonly counters: Counters = new Counters();
  readonly errors: ErrorReport;
  readonly runs: HandlerRuns<Context>;
  /** One for handlers that take whole messages, one for handlers that take streams. */
  readonly #whole: EngineSetup;
  readonly #streaming: EngineSetup;
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
    this.setup = { limits, heartbeat, counters, clock, report };
    const flusher = new Flusher(clock, maxBatchDelayMs);
    const engine = { ...sendSetup(limits, flusher, counters, () => heartbeat.now), limits, compression };
    this.#whole = { ...engine, reader: readers.whole, streams: false };
    this.#streaming = { ...engine, reader: readers.streaming, streams: true };
  }

  /** Over a socket of ours. @param head The bytes that came behind the handshake. */
  overSocket(socket: Socket, head: Buffer, approval: Approval<Context>, handler: ConnectionHandler<Context, never> | undefined): Connection<Context> {
    const run = handler && this.runs.of(handler);
    const engine = new NativeEngine(run?.streams === true ? this.#streaming : this.#whole, { socket, head, deflate: approval.deflate });
    return this.#open(engine, approval, run, approval.subprotocol ?? "");
  }

  /** Over a `ws` that goes on reading and writing the frames. */
  overWs(ws: WebSocketLike, approval: Approval<Context>, handler: ConnectionHandler<Context, never> | undefined): Connection<Context> {
    const run = handler && this.runs.of(handler);
    return this.#open(new AdoptedEngine(this.#engineFor(run), ws), approval, run, ws.protocol);
  }

  #engineFor(run: HandlerRun<Context> | undefined): EngineSetup {
    return run?.streams === true ? this.#streaming : this.#whole;
  }

  #open(
    engine: Engine,
    { context, request }: Approval<Context>,
    run: HandlerRun<Context> | undefined,
    subprotocol: string,
  ): Connection<Context> {
    const init = { idPrefix: this.#idPrefix, context, remoteAddress: request.remoteAddress, subprotocol, request: this.#kept.of(request) };
    const connection = new Connection<Context>(this.setup, engine, init, run);
    if (this.errors.hasLogs) this.errors.inherit(request, connection);
    if (channels.open.hasSubscribers) channels.open.publish({ connection });
    if (channels.close.hasSubscribers) connection.onClose((info) => channels.close.publish({ connection, info }));
    run?.start(connection, request);
    return connection;
  }
}
