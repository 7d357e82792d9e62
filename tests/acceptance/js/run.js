// node run.js ORIGIN SCENARIO: plays one scenario, prints what it gives back as JSON.
const { default: play } = await import(`./scenarios/${process.argv[3]}.js`);
process.stdout.write(JSON.stringify(await play()), () => process.exit(0));
