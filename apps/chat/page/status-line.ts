import type { ClientStatus } from "./client.ts";
import { byId } from "./dom.ts";

/** Says how the connection is, and when the next attempt is made. */
export class StatusLine {
  readonly #line = byId("status", HTMLElement);
  readonly #text = byId("status-text", HTMLElement);
  /** Hidden from screen readers: nothing is to be read aloud each second. */
  readonly #countdown = byId("status-countdown", HTMLElement);
  #timer: ReturnType<typeof setTimeout> | undefined;

  show(status: ClientStatus, { isOff }: { readonly isOff: boolean }): void {
    clearTimeout(this.#timer);
    this.#countdown.textContent = "";
    delete this.#line.dataset["retryAt"];
    if (isOff && status.state !== "closed") {
      this.#say("disconnected", "offline");
      return;
    }
    switch (status.state) {
      case "connecting":
        this.#say("connecting", navigator.onLine ? "connecting…" : "offline, connecting…");
        break;
      case "open":
        this.#say("connected", navigator.onLine ? "connected" : "connected, but this device is offline");
        break;
      case "waiting":
        this.#line.dataset["retryAt"] = String(status.retryAt);
        this.#say("disconnected", navigator.onLine ? "reconnecting" : "offline, reconnecting");
        this.#count(status.retryAt);
        break;
      case "closed":
        this.#say("disconnected", `disconnected (code ${status.code}, ${status.reason || "no reason"}) – not reconnecting by itself`);
    }
  }

  #say(state: string, text: string): void {
    this.#line.dataset["state"] = state;
    // The same text again would be read aloud again.
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }

  #count(retryAt: number): void {
    const leftMs = Math.max(0, retryAt - Date.now());
    const seconds = Math.ceil(leftMs / 1000);
    this.#countdown.textContent = ` in ${seconds} s`;
    if (leftMs > 1000) this.#timer = setTimeout(() => this.#count(retryAt), leftMs - (seconds - 1) * 1000);
  }
}
