import { byId } from "./dom.ts";

/**
 * A switch that takes this page off the network, to see what it does then. That of the developer tools does not end a connection: it
 * only holds back what goes over it.
 */
export class Network {
  /** For the client: it sees to it that there is a socket to cut. */
  readonly WebSocket: typeof WebSocket;
  readonly #button = byId("offline", HTMLButtonElement);
  readonly #onChange: () => void;
  #socket: WebSocket | undefined;
  #isOff = false;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    const made = (socket: WebSocket): void => void (this.#socket = socket);
    this.WebSocket = class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        made(this);
      }
    };
    this.#button.addEventListener("click", () => this.#turn());
  }

  get isOff(): boolean {
    return this.#isOff;
  }

  /** Where the client connects to. @throws Error while it is off. */
  readonly url = (): string => {
    if (this.#isOff) throw new Error("this page is switched off the network");
    return "/ws";
  };

  /** Without a connection there is nothing to cut. */
  show({ canTurn }: { readonly canTurn: boolean }): void {
    this.#button.hidden = !canTurn;
  }

  #turn(): void {
    this.#isOff = !this.#isOff;
    this.#button.textContent = this.#isOff ? "Go online" : "Go offline";
    if (this.#isOff) this.#socket?.close(4000, "switched off");
    // As the browser tells it: the client makes its next attempt at once.
    else dispatchEvent(new Event("online"));
    this.#onChange();
  }
}
