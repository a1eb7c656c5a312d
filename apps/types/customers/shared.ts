// A handler and an Upgrader in files of their own, for every framework.
import { createHub, defineHandler, refuse, Upgrader, type ConnectionHandler, type UpgraderOptions, type UpgradeRequest } from "@upwire/core";

export interface User {
  readonly id: string;
  readonly rooms: readonly string[];
}

export const hub = createHub();

export function userOf(token: string | null): User | undefined {
  return token === null ? undefined : { id: token, rooms: [] };
}

/** Asks nothing of a framework, nor of a context. */
export const chat = defineHandler({
  open: (connection) => hub.add(connection),
  message: (connection, message) => connection.send(message),
  close: (connection, { code }) => `${connection.id} left with ${code}`,
});

/** Needs a user, and knows every framework's params. */
export const rooms: ConnectionHandler<User> = {
  open(connection, { params }) {
    hub.room(params["room"] ?? "lobby").add(connection);
    connection.send(connection.context.id);
  },
};

/** Brings who may connect. */
export const members = defineHandler({
  options: { authorize: ({ query }) => userOf(query.get("token")) ?? refuse(401, "sign in first") },
  open(connection) {
    const id: string = connection.context.id;
    connection.send(id);
  },
});

/** A class is a handler too. */
export class Echo implements ConnectionHandler<User> {
  readonly concurrency = 4;
  async message(...[connection, message]: Parameters<NonNullable<ConnectionHandler<User>["message"]>>): Promise<void> {
    await Promise.resolve();
    connection.send(`${connection.context.id}: ${message.text()}`);
  }
}

/** The README's own. */
export const upgrader = new Upgrader<User>({
  origin: ["https://app.example.com", "file://", "null", "chrome-extension://*", "moz-extension://*"],
  authorize: async ({ headers, cookies, ip }) => userOf(cookies["token"] ?? headers.authorization ?? null) ?? refuse(401, ip),
  onReject: ({ code, status }, { path }) => console.log(code, status, path),
  onError: (error, { connection, request }) => console.error(error, connection?.id, request?.path),
});

/** Every kind of "no". */
export const noes: readonly UpgraderOptions<User>[] = [
  { authorize: () => false },
  { authorize: async ({ path }) => (path === "/" ? (userOf("a") ?? false) : false) },
  { authorize: ({ query }) => userOf(query.get("token")) ?? false },
  { authorize: async ({ query }) => userOf(query.get("token")) ?? refuse(404) },
  { authorize: ({ path }) => refuse(path === "/busy" ? 429 : 503, "come back later", { "retry-after": "30" }) },
];

/** Typed by what it returns, without the "no". */
export const inferred = new Upgrader({ authorize: async ({ query }) => userOf(query.get("token")) ?? refuse(403) });
export const ofUsers: readonly Upgrader<User>[] = [inferred, upgrader];

// What must not compile.

const make = (mistake: () => unknown): void => void mistake;

// @ts-expect-error -- no status that refuses
refuse(200);
// @ts-expect-error -- no status that refuses
refuse(302);
// @ts-expect-error -- it is `authorize`
make(() => new Upgrader({ authorise: () => false }));
// @ts-expect-error -- it is `origin`
make(() => new Upgrader({ origins: ["https://app.example.com"] }));
// @ts-expect-error -- a list, or "same-origin"
make(() => new Upgrader({ origin: "https://app.example.com" }));
// @ts-expect-error -- a function
make(() => new Upgrader({ authorize: true }));
// @ts-expect-error -- a list
make(() => new Upgrader({ subprotocols: "chat.v1" }));
// @ts-expect-error -- it is `thresholdBytes`
make(() => new Upgrader({ compression: { threshold: 10 } }));
// @ts-expect-error -- it is `message`
defineHandler({ onMessage() {} });
// @ts-expect-error -- a handler is an object
defineHandler((socket: unknown) => socket);
// @ts-expect-error -- not a User
make(() => new Upgrader<User>({ authorize: () => ({ id: 1 }) }));
// @ts-expect-error -- `true` is no User
make(() => new Upgrader<User>({ authorize: () => true }));
// @ts-expect-error -- a user has no age
defineHandler({ options: { authorize: (): User => ({ id: "a", rooms: [] }) }, open: ({ context }) => context.age });
// @ts-expect-error -- what gives users does not fit where admins are asked for
export const ofAdmins: readonly Upgrader<User & { readonly isAdmin: true }>[] = [upgrader];
// @ts-expect-error -- what asks for admins gets users only
export const asksForMore: ConnectionHandler<User> = defineHandler<User & { readonly isAdmin: true }>({ open: ({ context }) => context.isAdmin });
// @ts-expect-error -- what asks something of a framework's request does not fit all of them
export const asksForBody: Upgrader<User> = new Upgrader<User, { readonly body: string }>({});
// @ts-expect-error -- a param may be missing
export const length = ({ params }: UpgradeRequest): number => params["room"].length;
