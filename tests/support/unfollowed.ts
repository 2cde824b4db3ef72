/**
 * Loads Node's test runner without its hook on every promise, by which it knows whose test an error belongs to that nobody has
 * caught: with the hook a run of the program takes half as much again. Such an error then fails the process, not one test.
 */
import asyncHooks, { type HookCallbacks } from "node:async_hooks";

const { createHook } = asyncHooks;
asyncHooks.createHook = (callbacks: HookCallbacks) =>
  createHook({
    // Of the tests themselves it has to know, to nest them.
    init: (id, type, ...rest) => {
      if (type === "Test") callbacks.init?.(id, type, ...rest);
    },
  });
// oxlint-disable-next-line typescript/no-require-imports -- while the hook is another
require("node:test");
asyncHooks.createHook = createHook;
