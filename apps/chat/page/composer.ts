import { byId } from "./dom.ts";
import type { PeoplePanel } from "./people-panel.ts";
import type { RoomsPanel } from "./rooms-panel.ts";

/** Whom a message is for. */
export type Target = { readonly to: "everyone" } | { readonly to: "room"; readonly room: string } | { readonly to: "direct"; readonly id: string };

export interface ComposerSetup {
  readonly people: PeoplePanel;
  readonly rooms: RoomsPanel;
  readonly isOnline: () => boolean;
  readonly send: (text: string, target: Target) => void;
  /** Something was written that is for everyone. */
  readonly wrote: () => void;
}

/** The form at the bottom. What is sent without a connection waits. */
export class Composer {
  readonly #setup: ComposerSetup;
  readonly #form = byId("composer", HTMLFormElement);
  readonly #to = byId("to", HTMLInputElement);
  readonly #text = byId("text", HTMLInputElement);
  readonly #room = byId("say-room", HTMLSelectElement);
  readonly #clear = byId("clear-to", HTMLButtonElement);
  readonly #hint = byId("hint", HTMLElement);

  constructor(setup: ComposerSetup) {
    this.#setup = setup;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#text.value.trim()) return;
      setup.send(this.#text.value, this.#target());
      this.#text.value = "";
      this.#text.focus();
    });
    this.#form.addEventListener("input", () => this.refresh());
    this.#text.addEventListener("input", () => {
      if (this.#text.value && this.#target().to === "everyone") setup.wrote();
    });
    this.#clear.addEventListener("click", () => this.writeTo(""));
  }

  writeTo(id: string): void {
    this.#to.value = id;
    this.refresh();
    this.#text.focus();
  }

  /** Everything here that follows from people, rooms and the connection. */
  refresh(): void {
    const target = this.#target();
    this.#form.dataset["target"] = target.to;
    this.#clear.hidden = !this.#to.value;
    this.#room.hidden = this.#setup.rooms.size === 0 || target.to === "direct";
    this.#hint.textContent = this.#setup.isOnline() ? this.#hintFor(target) : "Not connected: what you send is kept, and sent when the connection is back.";
  }

  #target(): Target {
    const id = this.#to.value.trim();
    if (id) return { to: "direct", id };
    return this.#room.value ? { to: "room", room: this.#room.value } : { to: "everyone" };
  }

  #hintFor(target: Target): string {
    const { people } = this.#setup;
    if (target.to === "everyone") return "Everyone connected will see it.";
    if (target.to === "room") return `Only the room ${target.room} will see it.`;
    return people.has(target.id) ? `Direct: only ${people.nameOf(target.id)} will see it.` : "Direct: but nobody here has this id.";
  }
}
