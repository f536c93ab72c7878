// Sends a note that fails at first: the platform sends it again, as the template's options say.
exports = {
  tellOthers: async function (payload) {
    const answer = await $request.invokeTemplate("notify", { context: { user: payload.data.user.id } });
    console.log("%s after %d attempts", answer.response, answer.attempts);
    return { attempts: answer.attempts };
  }
};
