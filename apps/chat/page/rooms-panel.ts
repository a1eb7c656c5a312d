import type { ChatClient } from "./client.ts";
import { byId } from "./dom.ts";

type Room = ReturnType<typeof join>;

export interface RoomsPanelSetup {
  readonly client: ChatClient;
  readonly onMessage: (message: { readonly room: string; readonly from: string; readonly text: string }) => void;
  readonly onSubscribed: (subscribed: { readonly resumed: boolean; readonly missed: number; readonly isFirst: boolean }) => void;
  readonly onGap: () => void;
  readonly onError: (error: unknown) => void;
  /** Something changed that others show too. */
  readonly onChange: () => void;
}

/** The rooms that we are in. After a cut the client itself joins them again, and goes on where it was. */
export class RoomsPanel {
  readonly #setup: RoomsPanelSetup;
  readonly #name = byId("room", HTMLInputElement);
  readonly #join = byId("join", HTMLButtonElement);
  readonly #leave = byId("leave", HTMLButtonElement);
  readonly #target = byId("say-room", HTMLSelectElement);
  readonly #rooms = new Map<string, { readonly room: Room; count: number | undefined }>();

  constructor(setup: RoomsPanelSetup) {
    this.#setup = setup;
    this.#name.addEventListener("input", () => this.refresh());
    byId("room-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const name = this.#name.value.trim();
      if (name && !this.#rooms.has(name)) this.#enter(name);
    });
    this.#leave.addEventListener("click", () => this.#exit(this.#name.value.trim()));
  }

  get size(): number {
    return this.#rooms.size;
  }

  refresh(): void {
    const name = this.#name.value.trim();
    this.#join.disabled = !name || this.#rooms.has(name);
    this.#leave.disabled = !this.#rooms.has(name);
  }

  #enter(name: string): void {
    const { client, onMessage, onSubscribed, onGap, onError } = this.#setup;
    let room: Room;
    try {
      room = join(client, name);
    } catch (error) {
      onError(error);
      return;
    }
    this.#rooms.set(name, { room, count: undefined });
    let isFirst = true;
    room.onSubscribed(({ resumed, missed }) => {
      onSubscribed({ resumed, missed, isFirst });
      isFirst = false;
    });
    room.onGap(onGap);
    room.onEnded((error) => {
      if (error !== undefined) onError(error);
      this.#exit(name);
    });
    room.on("state", ({ count }) => {
      const entry = this.#rooms.get(name);
      if (entry !== undefined) entry.count = count;
      this.#show();
    });
    room.on("room", onMessage);
    this.#show();
  }

  #exit(name: string): void {
    this.#rooms.get(name)?.room.unsubscribe();
    this.#rooms.delete(name);
    this.#show();
  }

  #show(): void {
    const chosen = this.#target.value;
    this.#target.replaceChildren(new Option("everyone", ""), ...[...this.#rooms.keys()].map((name) => new Option(`room ${name}`, name)));
    this.#target.value = this.#rooms.has(chosen) ? chosen : "";
    byId("room-state", HTMLElement).textContent =
      this.#rooms.size === 0
        ? "Not in a room."
        : `In ${[...this.#rooms].map(([name, { count }]) => (count === undefined ? name : `${name} (${count} when you joined)`)).join(", ")}.`;
    this.#setup.onChange();
  }
}

function join(client: ChatClient, room: string) {
  return client.topic("room:{room}", { room });
}
