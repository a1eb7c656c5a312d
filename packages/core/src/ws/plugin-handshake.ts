import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { publishRefusal, refusal, sendBare, type Refusal } from "../checks/refusal.ts";
import { UpgradeRequest } from "../checks/upgrade-request.ts";
import { destroySocket } from "../connection/socket-owner.ts";
import type { NeighbourWatch } from "../upgrade/neighbour-watch.ts";
import type { PendingHandshake, PendingHandshakes } from "../upgrade/pending-handshakes.ts";
import { NEIGHBOUR_LOOK_MS, type Arrival, type HandshakeSetup, type OnLate, type TicketHolder } from "../upgrade/upgrade-ticket.ts";
import { PluginSocket, type TakenSocket } from "./plugin-socket.ts";
import type { PluginAnswer, PluginTicket } from "./plugin-ticket.ts";

/**
 * One upgrade request on its way through a plugin that upgrades by itself: the counterpart of `UpgradeTicket`. It ends when the
 * plugin has answered, we have taken the socket, the client has left or the deadline has passed.
 */
export class PluginHandshake implements PluginTicket, PendingHandshake {
  readonly holder: TicketHolder;
  /** What the plugin gets in place of the socket. */
  readonly stand: PluginSocket;
  deadline: number;
  hasExpired = false;
  answer: PluginAnswer | undefined;
  readonly #req: IncomingMessage;
  readonly #socket: Socket;
  readonly #hasHead: boolean;
  readonly #pending: PendingHandshakes;
  readonly #neighbours: NeighbourWatch | undefined;
  readonly #bytesBefore: number;
  readonly #startedAt: number;
  #givenUpAt: number;
  #onLate: OnLate | undefined;

  constructor({ req, socket, head }: Arrival, { holder, pending, timeoutMs }: HandshakeSetup, neighbours: NeighbourWatch | undefined) {
    this.holder = holder;
    this.stand = new PluginSocket(socket, head, neighbours);
    this.#req = req;
    this.#socket = socket;
    this.#hasHead = head.byteLength > 0;
    this.#pending = pending;
    this.#neighbours = neighbours;
    this.#bytesBefore = socket.bytesWritten;
    this.#startedAt = pending.now;
    this.#givenUpAt = this.#startedAt + timeoutMs;
    this.deadline = this.#nextLook();
    // Node took its own listener away: without one, a reset from here on would end the process. The plugin's is on the stand-in.
    if (neighbours === undefined) socket.on("error", destroySocket);
    socket.once("close", this.#over);
    if (neighbours === undefined) this.#watchEnd();
    pending.add(this);
  }

  /** The plugin failed. */
  fail(): void {
    if (this.stand.isHeld) this.stand.destroy();
    else this.#socket.destroy();
  }

  // For the deadline.

  expire(): void {
    const { stand } = this;
    const socket = this.#socket;
    if (this.#neighbours !== undefined && stand.isHeld) {
      if (this.#neighbours.isTaken) return this.#leave();
      if (this.#pending.now < this.#givenUpAt) return this.#pending.move(this, this.#nextLook());
      stand.claim();
    }
    this.#pending.delete(this);
    if (socket.bytesWritten > this.#bytesBefore) {
      // The plugin answered. A request of ours that was not given to `accept` since then would wait for ever.
      if (stand.isWithheld) socket.destroy();
      return;
    }
    // The plugin is still busy with it: its late answer must go nowhere.
    stand.detach();
    this.hasExpired = true;
    const late = refusal("ERR_HANDSHAKE_TIMEOUT");
    if (this.#onLate === undefined) publishRefusal(late, new UpgradeRequest(this.#req, { native: this.#req }));
    else this.#onLate(late);
    sendBare(socket, late);
  }

  abort(): void {
    if (this.#neighbours?.isTaken === true && this.stand.isHeld) this.#leave();
    else this.#socket.destroy();
  }

  // For a route of ours.

  claim(ms: number, onLate: OnLate): "ERR_TAKEN" | "ERR_HANDSHAKE_TIMEOUT" | undefined {
    const wasHeld = this.stand.isHeld;
    if (!this.stand.claim()) {
      this.#over();
      return "ERR_TAKEN";
    }
    if (wasHeld) this.#watchEnd();
    if (this.hasExpired) return "ERR_HANDSHAKE_TIMEOUT";
    this.#onLate = onLate;
    this.#givenUpAt = this.#startedAt + ms;
    this.#pending.move(this, this.#nextLook());
    return this.#givenUpAt > this.#pending.now ? undefined : "ERR_HANDSHAKE_TIMEOUT";
  }

  answered(): void {
    this.#over();
  }

  complete(refused: Refusal): void {
    this.stand.replaceBare(refused.status, () => sendBare(this.#socket, refused));
  }

  withhold(): boolean {
    return this.stand.withhold();
  }

  release(): void {
    this.stand.release();
  }

  take(): TakenSocket | "gone" | undefined {
    const taken = this.stand.takeOver();
    if (taken === undefined) return undefined;
    this.#over();
    // Its new owner has one of its own.
    if (taken !== "gone") this.#socket.off("error", destroySocket);
    return taken;
  }

  #nextLook(): number {
    return this.stand.isHeld ? Math.min(this.#givenUpAt, this.#pending.now + NEIGHBOUR_LOOK_MS) : this.#givenUpAt;
  }

  /** A client that ends its side before it has its answer has left. */
  #watchEnd(): void {
    if (!this.#hasHead) this.#socket.once("end", destroySocket);
  }

  readonly #over = (): void => {
    this.#pending.delete(this);
    this.#socket.off("end", destroySocket);
    // Or it would keep the request as long as the socket.
    this.#socket.off("close", this.#over);
  };

  /** Another library has it. */
  #leave(): void {
    this.#over();
    this.stand.detach();
  }
}
