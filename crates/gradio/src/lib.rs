//! Holds a conversation with a Gradio app, over any of its protocols, and times it.
