// Lets a Go test drive a client: one line of JSON for each line {"step": NAME, …} that it is told, the step's result or
// {"error": …}. Arguments: the folder of the npm packages.
const { createRequire } = require('node:module');
const { createInterface } = require('node:readline');

exports.load = createRequire(process.argv[2] + '/');

exports.drive = async (steps) => {
  for await (const line of createInterface({ input: process.stdin })) {
    const { step, ...told } = JSON.parse(line);
    try {
      console.log(JSON.stringify((await steps[step](told)) ?? {}));
    } catch (error) {
      console.log(JSON.stringify({ error: error.error || error.name, description: error.error_description || error.message }));
    }
  }
};
