import { createServer, type AddressInfo } from "node:net";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster, createClientPool } from "redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisMissing, startRedis, type RedisServer } from "@upwire/testing/redis";
import { selfSigned } from "../../../testing/src/self-signed.ts";
import { realClock } from "../../../cluster/src/broker/real-clock.ts";
import { createDriver, type CreateDriverOptions } from "../../src/driver/create-driver.ts";
import { expectNoneUnhandled, started } from "./started.ts";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const missing = redisMissing();

interface SayingOptions extends Partial<CreateDriverOptions> {
  /** The server is expected to answer nothing, as a busy machine also does for a while. @default false */
  readonly isSilent?: boolean;
}

/** What is said first: why it cannot start or what is tried again, else "started" and what it warns of. In one line, without the password. */
async function saying(client: CreateDriverOptions["client"], { isSilent = false, ...options }: SayingOptions = {}): Promise<string> {
  const driver = await createDriver({ client, prefix: "t", node: "node-001", clock: realClock, startWithinMs: 20_000, ...options });
  const warnings: string[] = [];
  const line = await new Promise<string>((resolve) => {
    const error = ({ message }: Error): void => {
      if (!message.endsWith("; trying again")) warnings.push(message);
      else if (isSilent || !message.includes("does not answer")) resolve(message);
    };
    const said = ({ name, message }: Error): void => resolve(name === "RedisStartError" ? message : `wrong kind of error: ${name}`);
    driver.start({ message: () => {}, foreign: () => {}, resubscribed: () => {}, state: () => {}, error }).then(() => resolve("started"), said);
  });
  await driver.close();
  expect(line).not.toMatch(/\n|s3cret/);
  return [line, ...warnings].join("; ");
}

type Options = { readonly port: number; readonly username?: string; readonly password?: string; readonly tls?: object; readonly db?: number };

type Make = (options: Options) => CreateDriverOptions["client"];

const makers: readonly (readonly [library: string, make: Make])[] = [
  ["ioredis", (options) => new Redis({ host: "127.0.0.1", lazyConnect: true, ...options })],
  [
    "node-redis",
    ({ port, tls, db, ...options }) =>
      createClient({
        socket: tls === undefined ? { host: "127.0.0.1", port } : { host: "127.0.0.1", port, tls: true, ...tls },
        ...options,
        ...(db === undefined ? {} : { database: db }),
      }),
  ],
];

describe("what is no client", () => {
  const create = (client: unknown): Promise<unknown> =>
    createDriver({ client: client as CreateDriverOptions["client"], prefix: "t", node: "n", clock: realClock });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["an object", {}],
    ["a class", Redis],
  ])("refuses %s", async (_, client) => {
    await expect(create(client)).rejects.toThrow("client: this is no client of ioredis or node-redis; give");
  });

  it("refuses a client whose database is no number", async () => {
    await expect(create(new Redis({ db: "s3cret" as never, lazyConnect: true }))).rejects.toThrow("client: its database");
  });

  it("tells what a client throws that is no error", async () => {
    const client = Object.assign(new Redis({ lazyConnect: true }), {
      duplicate() {
        const thrown: unknown = "a text";
        throw thrown;
      },
    });
    const driver = await createDriver({ client, prefix: "t", node: "node-one", clock: realClock, startWithinMs: 300 });
    await expect(driver.start({ message: () => {}, foreign: () => {}, resubscribed: () => {}, state: () => {}, error: () => {} })).rejects.toThrow(
      "the client threw a text",
    );
  });

  it("refuses a pool", async () => {
    await expect(create(createClientPool())).rejects.toThrow("client: a pool or a Sentinel client of node-redis cannot be taken; give");
  });

  it.each(["localhost:6379", "", "http://localhost", "redis://", "redis://user:s3cret@", "redis://user:s3cret%zz@localhost", "redis://localhost/s3cret"])(
    "refuses the URL %j, and does not repeat it",
    async (url) => {
      const refused = create({ url });
      await expect(refused).rejects.toThrow(/^url: .*; give redis:\/\/user:password@host:6379\/0, or rediss:\/\/ for TLS$/);
      await expect(refused).rejects.not.toThrow("s3cret");
    },
  );
});

describe.skipIf(missing !== undefined)(`starting on Redis${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  expectNoneUnhandled();
  let redis: RedisServer;
  let tlsPort: number;
  let folder: string;
  const { key, cert } = selfSigned();
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "upwire-redis-tls-"));
    writeFileSync(join(folder, "key.pem"), key);
    writeFileSync(join(folder, "cert.pem"), cert);
    const { freePort } = await import("../../../testing/src/redis/free-port.ts");
    tlsPort = await freePort();
    const tls = [
      "--tls-port",
      String(tlsPort),
      "--tls-key-file",
      join(folder, "key.pem"),
      "--tls-cert-file",
      join(folder, "cert.pem"),
      "--tls-auth-clients",
      "no",
    ];
    redis = await startRedis({ password: "s3cret", args: ["--requirepass", "s3cret", ...tls] });
    await redis.cli("ACL", "SETUSER", "app", "on", ">s3cret", "~t:*", "&t:*", "+@connection", "+@read", "+@write", "+@pubsub", "+@scripting", "+time", "+info");
    await redis.cli("ACL", "SETUSER", "reader", "on", ">s3cret", "~t:*", "&t:*", "+@connection", "+@read", "+@pubsub", "+@scripting", "+time");
    await redis.cli("ACL", "SETUSER", "other", "on", ">s3cret", "~x:*", "&x:*", "+@all");
    await redis.cli("ACL", "SETUSER", "noscripts", "on", ">s3cret", "~t:*", "&t:*", "+@connection", "+@read", "+@write", "+@pubsub");
    await redis.cli("ACL", "SETUSER", "noinfo", "on", ">s3cret", "~t:*", "&t:*", "+@all", "-@dangerous");
  });
  afterAll(async () => {
    await redis.close();
    rmSync(folder, { recursive: true });
  });

  describe.each(makers)("with %s", { concurrent: true, timeout: 30_000 }, (name, make) => {
    const password = "s3cret";

    it("says what is wrong with the password", async () => {
      const { port } = redis;
      expect(await saying(make({ port }))).toMatch(new RegExp(`^Redis at 127.0.0.1:${port}: this server wants a password; give the client a password`));
      expect(await saying(make({ port, password: "wrong" }))).toMatch(/: the user name or the password is wrong \(WRONGPASS/);
      expect(await saying(make({ port, username: "nobody", password }))).toMatch(/: the user name or the password is wrong \(WRONGPASS/);
      expect(await saying(make({ port, password }))).toBe("started");
    });

    it("says what a user may not do, and by which rules it may", async () => {
      const { port } = redis;
      expect(await saying(make({ port, username: "app", password }))).toBe("started");
      expect(await saying(make({ port, username: "reader", password }))).toMatch(
        /: this user of Redis may not use DEL, .* under the prefix t; give it the rules: ~t:\* &t:\* \+@connection/,
      );
      expect(await saying(make({ port, username: "other", password }))).toMatch(/may not use keys that begin with t under the prefix t; give/);
      expect(await saying(make({ port, username: "noscripts", password }))).toMatch(/may not use EVAL under the prefix t; give/);
      expect(await saying(make({ port, username: "noinfo", password }))).toMatch(/^started; Redis: maxmemory-policy cannot be read/);
      expect(await saying(make({ port, username: "app", password }), { prefix: "elsewhere" })).toMatch(
        /may not use keys that begin with elsewhere under the prefix elsewhere/,
      );
    });

    it("says what is wrong with TLS, from both sides", async () => {
      expect(await saying(make({ port: redis.port, password, tls: { rejectUnauthorized: false } }), { isSilent: true })).toMatch(
        /: it does not answer; if the client speaks TLS and the server does not, give redis:\/\/ instead of rediss:\/\//,
      );
      expect(await saying(make({ port: tlsPort, password }))).toMatch(
        /: it closes the connection before the first answer; if it wants TLS, give rediss:\/\/ or `tls` \(.*\); trying again$/,
      );
      expect(await saying(make({ port: tlsPort, password, tls: {} }))).toMatch(/: the server's certificate is not trusted; give the client its `ca`/);
      expect(await saying(make({ port: tlsPort, password, tls: { ca: cert, checkServerIdentity: () => undefined } }))).toBe("started");
    });

    it("says that nothing listens, that there is no such host, and that what answers is no Redis", async () => {
      const server = createServer((socket) => socket.on("error", () => {}).on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))).listen(
        0,
        "127.0.0.1",
      );
      await new Promise((resolve) => server.once("listening", resolve));
      const { port } = server.address() as AddressInfo;
      expect(await saying(make({ port }))).toMatch(/: what answers there is not Redis/);
      await new Promise((resolve) => server.close(resolve));
      expect(await saying(make({ port }))).toMatch(
        new RegExp(
          `^Redis at 127.0.0.1:${port}: nothing listens there; is Redis running, and is the port right\\? \\(connect ECONNREFUSED 127.0.0.1:${port}\\); trying again$`,
        ),
      );
      const nowhere =
        name === "ioredis" ? new Redis({ host: "no.such.host.invalid", lazyConnect: true }) : createClient({ url: "redis://no.such.host.invalid" });
      expect(await saying(nowhere)).toMatch(/^Redis at no\.such\.host\.invalid:6379: there is no such host; look at the address/);
    });

    it("says that there is no such database, and uses the one that there is", async () => {
      expect(await saying(make({ port: redis.port, password, db: 99 }))).toMatch(/: this server has no database of that number/);
      const { driver, close } = await started(make({ port: redis.port, password, db: 3 }));
      await driver.call({ args: ["SET", "t:db", "3"] });
      await close();
      expect(await redis.cli("-n", "3", "GET", "t:db")).toBe("3");
    });

    it("waits for a server that still loads its data, and warns of a policy that deletes", async () => {
      // So it looks at its connections after each 1024 bytes that it loads.
      const slow = await startRedis({
        args: ["--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"],
      });
      try {
        await slow.cli("EVAL", "for i = 1, 3000 do redis.call('SET', i, i) end", 0);
        await slow.cli("SAVE");
        await slow.kill9();
        const back = slow.restart();
        // It is awaited below.
        back.catch(() => {});
        let line = "nothing listens there";
        while (line.includes("nothing listens there")) line = await saying(make({ port: slow.port }));
        expect(line).toMatch(/: Redis still loads its data \(LOADING .*; trying again$/);
        const up = started(make({ port: slow.port }), { startWithinMs: 20_000 });
        await slow.cli("CONFIG", "SET", "key-load-delay", 0);
        const { errors, close } = await up;
        expect(errors.at(-1)).toMatch(/^Redis: maxmemory-policy is allkeys-lru, so that Redis deletes history when its 64\.00M are full/);
        await close();
        await back;
      } finally {
        await slow.close();
      }
    });

    it("says that a server is a replica, one of a Cluster, or a Sentinel", async () => {
      const replica = await startRedis({ args: ["--replicaof", "127.0.0.1", String(redis.port), "--masterauth", password] });
      const clustered = await startRedis({ args: ["--cluster-enabled", "yes", "--cluster-port", String(tlsPort + 1)] });
      try {
        expect(await saying(make({ port: replica.port }))).toMatch(/: READONLY this server is a replica; give the address of its master; trying again$/);
        expect(await saying(make({ port: clustered.port }))).toMatch(
          /: this server is one of a Redis Cluster, and the client knows only this one; give a Cluster client/,
        );
      } finally {
        await Promise.all([replica.close(), clustered.close()]);
      }
    });

    it("leaves the user's own client as it is: connected, not connected or closed", async () => {
      if (name === "ioredis") {
        const client = new Redis({
          host: "127.0.0.1",
          port: redis.port,
          password,
          keyPrefix: "user:",
          enableOfflineQueue: false,
          maxRetriesPerRequest: 0,
          readOnly: true,
          lazyConnect: true,
        });
        expect(await saying(client)).toBe("started");
        expect(client.status).toBe("wait");
        await client.connect();
        expect(await saying(client)).toBe("started");
        expect([client.status, await client.ping()]).toEqual(["ready", "PONG"]);
        await client.quit();
        expect(await saying(client)).toBe("started");
      } else {
        const client = createClient({
          url: `redis://:${password}@127.0.0.1:${redis.port}`,
          keyPrefix: "user:",
          disableOfflineQueue: true,
          commandsQueueMaxLength: 10,
          pingInterval: 1000,
        });
        expect(await saying(client)).toBe("started");
        expect(client.isOpen).toBe(false);
        await client.connect();
        expect(await saying(client)).toBe("started");
        expect([client.isReady, await client.ping()]).toEqual([true, "PONG"]);
        await client.close();
        expect(await saying(client)).toBe("started");
      }
    });

    it("speaks RESP2 and RESP3", async () => {
      for (const version of [2, 3] as const) {
        const { port } = redis;
        const client =
          name === "ioredis"
            ? new Redis({ port, password, protocol: version, lazyConnect: true })
            : createClient({ socket: { port }, password, RESP: version });
        const { driver, messages, close } = await started(client);
        await driver.subscribe(["t:a"]);
        await driver.call({ args: ["HSET", "t:h", "f", "v"] });
        expect(await driver.call({ args: ["HGETALL", "t:h"] })).toEqual([Buffer.from("f"), Buffer.from("v")]);
        await driver.call(driver.publication("t:a", Buffer.from([255])));
        expect(await messages.next()).toEqual({ channel: "t:a", text: "\u00ff" });
        await close();
      }
    });
  });

  it("says it of a Cluster too", { timeout: 30_000 }, async () => {
    const { port } = redis;
    const nodes = [{ host: "127.0.0.1", port }];
    expect(await saying(new Cluster(nodes, { lazyConnect: true, redisOptions: { password: "s3cret" } }))).toMatch(
      /^Redis at the Cluster: .*cluster support disabled/,
    );
    expect(await saying(createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }], defaults: { password: "s3cret" } }))).toMatch(
      /^Redis at the Cluster: .*cluster support disabled/,
    );
    expect(await saying(new Cluster(nodes, { lazyConnect: true }))).toMatch(/^Redis at the Cluster: this server wants a password/);
    expect(await saying(createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] }))).toMatch(/^Redis at the Cluster: this server wants a password/);
    const none = [{ host: "127.0.0.1", port: 9 }];
    expect(await saying(new Cluster(none, { lazyConnect: true }))).toMatch(
      /^Redis at the Cluster: none of the client's start nodes lets it in; is Redis running/,
    );
    expect(await saying(createCluster({ rootNodes: [{ url: "redis://127.0.0.1:9" }] }))).toMatch(/^Redis at the Cluster: nothing listens there/);
  });
});
