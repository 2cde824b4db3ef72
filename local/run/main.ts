/** `npm start`: has a stack deployed. */
import { runCommand } from "./command";
import { deploy } from "./deployment";
import { help, readOptions } from "./options";

runCommand(help, (args) => {
  const options = readOptions(args);
  return {
    help: options.help,
    isStrict: options.once,
    run: (circumstances) => deploy(options, circumstances),
  };
});
