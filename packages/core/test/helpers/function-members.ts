import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path/posix";

/** A node of the syntax tree, as oxc-parser gives it. */
interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

// The linter's dependency: it parses TypeScript, and this repository needs no parser of its own for one test.
const { parseSync } = createRequire(createRequire(import.meta.url).resolve("knip"))("oxc-parser") as {
  readonly parseSync: (file: string, text: string) => { readonly program: Node; readonly errors: readonly unknown[] };
};

const packages = new URL("../../../", import.meta.url);
/** Whose declarations are looked at. */
export interface Scope {
  /** Folders of `packages/` whose declarations are known. */
  readonly packages: readonly string[];
  /** What their names are exported by. */
  readonly entries: readonly string[];
}

const CORE: Scope = {
  packages: ["protocol", "core", "express", "fastify", "hono", "koa"],
  entries: [
    "protocol/src/index.ts",
    "core/src/index.ts",
    "core/src/adapter.ts",
    "express/src/index.ts",
    "fastify/src/index.ts",
    "fastify/src/websocket.ts",
    "hono/src/index.ts",
    "hono/src/node-ws.ts",
    "koa/src/index.ts",
  ],
};

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "type" in value;
const nodesIn = (value: unknown): readonly Node[] => (Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : []);
const nameOf = (node: unknown): string =>
  (node as { readonly name?: string; readonly value?: string } | undefined)?.name ?? (node as { readonly value?: string } | undefined)?.value ?? "";

/** Every declaration of the packages by its name, and the names that their entries export. */
function read({ packages: folders, entries }: Scope): { readonly declarations: ReadonlyMap<string, Node>; readonly exported: ReadonlySet<string> } {
  const declarations = new Map<string, Node>();
  /** The same by `file name`: of two with one name, the exported one counts. */
  const declaredIn = new Map<string, Node>();
  /** The exported names, and where each is declared. */
  const exported = new Map<string, string>();
  for (const name of folders) {
    for (const file of readdirSync(new URL(`${name}/src/`, packages), { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts")) continue;
      const path = `${name}/src/${file}`;
      const { program, errors } = parseSync(path, readFileSync(new URL(path, packages), "utf8"));
      if (errors.length > 0) throw new Error(`${path} could not be read`);
      for (const statement of nodesIn(program["body"])) {
        const declaration = isNode(statement["declaration"]) ? statement["declaration"] : statement;
        const declared = nameOf(declaration["id"]);
        if (declared !== "") {
          declarations.set(declared, declaration);
          declaredIn.set(`${path} ${declared}`, declaration);
        }
        if (!entries.includes(path) || statement.type !== "ExportNamedDeclaration") continue;
        exported.set(declared, path);
        const source = nameOf(statement["source"]);
        for (const { local } of nodesIn(statement["specifiers"])) exported.set(nameOf(local), join(dirname(path), source));
      }
    }
  }
  for (const [name, path] of exported) {
    const declaration = declaredIn.get(`${path} ${name}`);
    if (declaration !== undefined) declarations.set(name, declaration);
  }
  return { declarations, exported: new Set(exported.keys()) };
}

/**
 * Every place of the public declarations of a scope where an application can give a function: members of interfaces and aliases, and
 * parameters of functions and methods, as `Owner.member`. Unions, aliases and objects with methods are followed.
 */
export function functionMembers(scope: Scope = CORE): string[] {
  const { declarations, exported } = read(scope);
  const found = new Set<string>();
  const visited = new Set<string>();

  /** Whether a type is or holds a function; what it names is looked into too, under its own name. */
  function holds(type: unknown): boolean {
    if (!isNode(type)) return false;
    if (type.type === "TSFunctionType") return true;
    if (type.type === "TSTypeReference") {
      const inArguments = nodesIn((type["typeArguments"] as Node | null)?.["params"])
        .map(holds)
        .includes(true);
      return visit(nameOf(type["typeName"])) || inArguments;
    }
    return ["types", "typeAnnotation", "elementType"]
      .flatMap((key) => nodesIn(type[key]))
      .map(holds)
      .includes(true);
  }

  /** Whether a type is a function, or may be one: what an object of it holds has rows of its own. */
  function isFunction(type: unknown): boolean {
    if (!isNode(type)) return false;
    if (type.type === "TSParenthesizedType") return isFunction(type["typeAnnotation"]);
    return type.type === "TSFunctionType" || (type.type === "TSUnionType" && nodesIn(type["types"]).some(isFunction));
  }

  function parameters(owner: string, callable: Node): void {
    for (const parameter of nodesIn(callable["params"])) {
      const pattern = isNode(parameter["left"]) ? parameter["left"] : parameter;
      const type = (pattern["typeAnnotation"] as Node | undefined)?.["typeAnnotation"];
      if (holds(type) && isFunction(type)) found.add(`${owner}(${nameOf(pattern)})`);
    }
  }

  function members(owner: string, body: readonly Node[]): boolean {
    let any = false;
    for (const member of body) {
      const name = `${owner}.${nameOf(member["key"])}`;
      if (
        member.type === "TSMethodSignature" ||
        (member.type === "TSPropertySignature" && holds((member["typeAnnotation"] as Node | undefined)?.["typeAnnotation"]))
      ) {
        found.add(name);
        any = true;
      }
    }
    return any;
  }

  function visit(name: string): boolean {
    const declaration = declarations.get(name);
    if (declaration === undefined) return false;
    const isFirst = !visited.has(name);
    visited.add(name);
    if (declaration.type === "TSTypeAliasDeclaration") return holds(declaration["typeAnnotation"]);
    if (declaration.type === "TSInterfaceDeclaration") {
      if (!isFirst) return [...found].some((member) => member.startsWith(`${name}.`));
      for (const { expression } of nodesIn(declaration["extends"])) visit(nameOf(expression));
      return members(name, nodesIn((declaration["body"] as Node)["body"]));
    }
    if (!isFirst) return false;
    if (declaration.type === "FunctionDeclaration") parameters(name, declaration);
    if (declaration.type === "ClassDeclaration") {
      for (const member of nodesIn((declaration["body"] as Node)["body"])) {
        if (member.type === "MethodDefinition" && nameOf(member["key"]) !== "constructor" && (member["key"] as Node).type === "Identifier") {
          parameters(`${name}.${nameOf(member["key"])}`, member["value"] as Node);
        }
      }
    }
    return false;
  }

  for (const name of exported) visit(name);
  return [...found].toSorted();
}
