import { defineContract, request, topic, type Realtime } from "@upwire/realtime";
import { z } from "zod";

/** Longest name of a room. UTF-16 code units. */
const MAX_ROOM_NAME_LENGTH = 64;

const text = z.string();
const roomName = z
  .string()
  .max(MAX_ROOM_NAME_LENGTH)
  .refine((name) => name.trim() !== "", "a room has a name");

/** `worker`: the number of its process, where there are several. */
export const person = z.object({ id: z.string(), address: z.string(), worker: z.number().optional() });

/** All that the page and the server say to each other. The page imports the type and no schema. */
export const contract = defineContract({
  events: {
    /** From a client: its user is writing to everyone. From the server: who is. */
    typing: z.object({ address: z.string().optional() }),
    /** A message from one client to one other. */
    direct: z.object({ from: z.string(), to: z.string(), text }),
  },
  requests: {
    /** To everybody, or to everybody in a room. */
    say: request(z.object({ text, room: roomName.optional() }), z.object({ offset: z.number().optional() })),
    /** To one client: the reply says that it is on its way. */
    direct: request(z.object({ to: z.string(), text }), z.object({ from: z.string(), to: z.string(), text })),
  },
  topics: {
    lobby: topic({
      events: {
        message: z.object({ from: z.string(), address: z.string(), text }),
        /** Bytes that a plain client sent to everybody. */
        binary: z.object({ from: z.string(), bytes: z.number() }),
      },
    }),
    people: topic({
      events: {
        joined: person,
        left: person,
        /** A worker that was killed is there anew: everyone that it had is gone. */
        gone: z.object({ worker: z.number() }),
      },
      state: z.array(person),
    }),
    clock: topic({
      events: {
        /** The time of day of the server, as HH:MM:SS. */
        time: z.object({ time: z.string() }),
      },
    }),
    "room:{room}": topic({
      events: { room: z.object({ room: roomName, from: z.string(), text }) },
      state: z.object({ count: z.number() }),
    }),
  },
});

export type ChatContract = typeof contract;

/** The server's end of it. Its users are nobody in particular. */
export type ChatRealtime = Realtime<ChatContract, unknown>;
