  /**
   * SUMMARY: the platform waits for renderData, and an error there stops it.
   * @param {import("../simctl-types").PAYLOAD} payload
   */
  EVENTCallback: function (payload) {
    console.log("%s in %s", payload.event, payload.region);
    renderData();
  }
