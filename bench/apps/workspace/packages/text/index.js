// The text that the server answers.
module.exports = (answer) => `${answer}\n`;
