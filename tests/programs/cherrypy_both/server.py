import cherrypy


class Root:
    @cherrypy.expose
    def index(self, name="nobody"):
        return f"hello {name}"

    @cherrypy.expose
    @cherrypy.tools.json_in()
    @cherrypy.tools.json_out()
    def total(self):
        return {"total": sum(cherrypy.request.json)}

    @cherrypy.expose
    def visits(self):
        cherrypy.session["count"] = cherrypy.session.get("count", 0) + 1
        return str(cherrypy.session["count"])


cherrypy.config.update({"server.socket_host": "0.0.0.0", "server.socket_port": 8080, "log.screen": False})
cherrypy.quickstart(Root(), config={"/": {"tools.sessions.on": True}})
