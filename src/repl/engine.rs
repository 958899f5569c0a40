//! The model behind the talk: loaded, and its prompt worked through, while the person reads and types.

use crate::model::LanguageModel;
use std::ops::ControlFlow;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a waiting person is asked whether to go on.
const WAIT: Duration = Duration::from_millis(20);

/// A model, as handed to the talk.
pub type Model = Box<dyn LanguageModel>;

/// Loads a model and prepares it; runs on a thread of its own.
pub type Loader = Box<dyn FnOnce() -> anyhow::Result<Model> + Send>;

/// A model that may still be loading.
pub enum Engine {
    /// Being loaded.
    Loading(JoinHandle<anyhow::Result<Model>>),
    /// Here.
    Ready(Model),
    /// Could not be had; said once, when it was first needed.
    Failed,
}

impl Engine {
    /// Begins to load.
    pub fn start(loader: Loader) -> Engine {
        Engine::Loading(std::thread::spawn(loader))
    }

    /// The same model, prepared for another talk on a thread of its own.
    pub fn prepared(
        self,
        prepare: impl FnOnce(&mut dyn LanguageModel) -> anyhow::Result<()> + Send + 'static,
    ) -> Engine {
        Engine::start(Box::new(move || {
            let mut model = match self {
                Engine::Ready(model) => model,
                Engine::Loading(thread) => {
                    thread.join().map_err(|_| anyhow::anyhow!("loading the model crashed"))??
                }
                Engine::Failed => anyhow::bail!("the model could not be loaded"),
            };
            prepare(model.as_mut())?;
            Ok(model)
        }))
    }

    /// Must the next call to [`Engine::get`] wait?
    pub fn is_loading(&self) -> bool {
        matches!(self, Engine::Loading(thread) if !thread.is_finished())
    }

    /// The model; waits until it is there. None where `pulse` stopped the wait: the loading goes on.
    ///
    /// # Errors
    /// Loading failed.
    pub fn get(
        &mut self,
        pulse: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> anyhow::Result<Option<&mut dyn LanguageModel>> {
        while self.is_loading() {
            if pulse().is_break() {
                return Ok(None);
            }
            std::thread::sleep(WAIT);
        }
        if let Engine::Loading(_) = self
            && let Engine::Loading(thread) = std::mem::replace(self, Engine::Failed)
        {
            let loaded = thread.join().map_err(|_| anyhow::anyhow!("loading the model crashed"))??;
            *self = Engine::Ready(loaded);
        }
        match self {
            Engine::Ready(model) => Ok(Some(model.as_mut())),
            _ => Err(anyhow::anyhow!("the model could not be loaded; start again with another `--model`")),
        }
    }
}
