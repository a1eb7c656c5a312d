import { defineHandler, type Connection, type ConnectionHandler } from "@upwire/core";
import { describe, expect, expectTypeOf, it } from "vitest";

interface User {
  readonly name: string;
}

describe("defineHandler", () => {
  it("gives back what it gets", () => {
    const handler: ConnectionHandler = { message: (connection, message) => connection.send(message) };
    expect(defineHandler(handler)).toBe(handler);
  });

  it("infers the context from `authorize`", () => {
    const handler = defineHandler({
      options: { authorize: (request): User => ({ name: request.path }) },
      open(connection) {
        expectTypeOf(connection).toEqualTypeOf<Connection<User>>();
      },
      message: (connection, message) => connection.send(`${connection.context.name}: ${message.text()}`),
    });
    expectTypeOf(handler).toEqualTypeOf<ConnectionHandler<User>>();
  });

  it("infers it from an async `authorize`, and from a hook", () => {
    expectTypeOf(defineHandler({ options: { authorize: async (): Promise<User> => ({ name: "a" }) } })).toEqualTypeOf<ConnectionHandler<User>>();
    expectTypeOf(defineHandler({ open: (connection: Connection<User>) => connection.context.name })).toEqualTypeOf<ConnectionHandler<User>>();
    expectTypeOf(defineHandler({ open() {} })).toEqualTypeOf<ConnectionHandler>();
  });

  it("refuses at compile time what is no hook, no option, or no such value", () => {
    // @ts-expect-error -- the hook is `message`
    defineHandler({ onMessage: () => {} });
    // @ts-expect-error -- there is no such option
    defineHandler({ message: () => {}, options: { maxMesageBytes: 1 } });
    // @ts-expect-error -- a number
    defineHandler({ message: () => {}, concurrency: "2" });
    // @ts-expect-error -- the context has no such property
    defineHandler({ options: { authorize: (): User => ({ name: "a" }) }, open: ({ context }) => context.age });
  });
});
